/* Preloaded into a FreeSWITCH: writes when its channels were answered and when they began an application.
 *
 * Python's lock is part of what is measured, so a Python script that measures would be in its own way; the event socket
 * looks for events every 20 ms, and FreeSWITCH's own clock moves in such steps. So both functions are intercepted where
 * they happen, in whichever thread. A line each to the file that ANSWER_TIMES names: seconds of CLOCK_MONOTONIC, channel,
 * what happened.
 *
 *     gcc -shared -fPIC -O2 -o answer_times.so answer_times.c
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void note(const char *channel, const char *what) {
    static int file = -1;
    char line[256];
    struct timespec now;
    int length;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (file < 0) {
        const char *name = getenv("ANSWER_TIMES");
        if (name == NULL || (file = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0) {
            return;
        }
    }
    length = snprintf(line, sizeof line, "%lld.%06ld %s %s\n", (long long)now.tv_sec, now.tv_nsec / 1000, channel, what);
    if (length > 0 && (size_t)length < sizeof line && write(file, line, (size_t)length) != length) {
        abort(); /* a figure that is missing must not go unnoticed */
    }
}

/* switch_channel.c: every way to be answered comes through here, and then fires CHANNEL_ANSWER. */
int switch_channel_perform_mark_answered(void *channel, const char *file, const char *function, int line) {
    static int (*original)(void *, const char *, const char *, int);
    static char *(*uuid)(void *);

    if (original == NULL) {
        uuid = dlsym(RTLD_NEXT, "switch_channel_get_uuid");
        original = dlsym(RTLD_NEXT, "switch_channel_perform_mark_answered");
    }
    note(uuid(channel), "answer");
    return original(channel, file, function, line);
}

/* switch_core_session.c: the dialplan, originate's &application and Python's Session.execute all come through here. */
int switch_core_session_execute_application_get_flags(void *session, const char *application, const char *argument,
                                                      int *flags) {
    static int (*original)(void *, const char *, const char *, int *);
    static char *(*uuid)(void *);

    if (original == NULL) {
        uuid = dlsym(RTLD_NEXT, "switch_core_session_get_uuid");
        original = dlsym(RTLD_NEXT, "switch_core_session_execute_application_get_flags");
    }
    note(uuid(session), application);
    return original(session, application, argument, flags);
}
