"""Python in the switch: entry points, sessions, reloading, exceptions."""

from pathlib import Path

from tests.switch.switch_under_test import Probe, wait_for


def test_unset_variables_are_none_and_strings_are_empty_after_destroy(probe: Probe) -> None:
    module = probe.script(
        """
        def handler(session, args):
            session.setVariable("one", "1")
            before = [session.getVariable("one"), session.getVariable("nothing")]
            session.setVariable("one", None)
            unset = session.getVariable("one")
            session.destroy()
            note("seen", before=before, unset=unset, after=session.getVariable("one"), ready=session.ready())
        """
    )
    probe.dial(probe.number("000"), module)
    seen = probe.wait_for_note("seen")
    assert seen["before"] == ["1", None]
    assert seen["unset"] is None
    assert seen["after"] == ""
    assert seen["ready"] is False


def test_only_text_is_taken(probe: Probe) -> None:
    module = probe.script(
        """
        def handler(session, args):
            try:
                session.setVariable("number", 7)
            except TypeError:
                note("refused")
        """
    )
    probe.dial(probe.number("000"), module)
    assert probe.wait_for_note("refused")


def test_an_exception_in_a_handler_ends_only_that_call(probe: Probe, five_pages: Path) -> None:
    module = probe.script(
        """
        def handler(session, args):
            raise ValueError("not meant to be caught")
        """
    )
    call = probe.dial(probe.number("000"), module)
    assert probe.hook(call)["variable_hangup_cause"] == "NORMAL_CLEARING"
    assert probe.hook(probe.dial(probe.number("000"), probe.sender(five_pages)))["variable_fax_success"] == "1"


def test_system_exit_in_a_handler_is_ignored(probe: Probe) -> None:
    module = probe.script(
        """
        import sys
        def handler(session, args):
            sys.exit(3)
        """
    )
    assert probe.hook(probe.dial(probe.number("000"), module))["variable_hangup_cause"] == "NORMAL_CLEARING"
    assert probe.switch.api("global_getvar core_uuid")


def test_a_script_is_reloaded_at_each_call_and_what_it_imports_stays(probe: Probe) -> None:
    state = probe.script("calls = []\n")
    module = probe.script(
        f"""
        import {state}
        def fsapi(session, stream, env, args):
            {state}.calls.append(args)
            stream.write(f"one {{len({state}.calls)}}")
        """
    )
    assert probe.switch.api(f"python {module}") == "one 1"
    path = probe.switch.script_dir / f"{module}.py"
    path.write_text(path.read_text(encoding="utf-8").replace('"one ', '"another '), encoding="utf-8")
    assert probe.switch.api(f"python {module}") == "another 2"


def test_a_function_can_be_named_and_gets_the_rest_as_one_text(probe: Probe) -> None:
    module = probe.script(
        """
        def told(session, stream, env, args):
            stream.write(f"{session}|{args}|{env.getHeader('API-Command')}")
        """
    )
    assert probe.switch.api(f"python {module}::told a b  c") == "na|a b  c|python"


def test_an_exception_in_an_api_function_gives_an_empty_reply(probe: Probe) -> None:
    module = probe.script(
        """
        def fsapi(session, stream, env, args):
            stream.write("half")
            raise RuntimeError("then it broke")
        """
    )
    assert probe.switch.api(f"python {module}") in ("", "half")


def test_a_hook_named_module_function_after_a_space_is_not_found(probe: Probe) -> None:
    """switch_core_state_machine.c splits a hook at its first `::`, so the API would be `python <module>`."""
    module = probe.script(
        """
        def handler(session, args):
            note("handled")
        def fsapi(session, stream, env, args):
            note("fsapi", args=args)
        """
    )
    call = probe.dial(probe.number("000"), module, api_hangup_hook=f"'python {module}::settle 17'")
    probe.wait_for_note("handled")
    probe.wait_until_gone(call)
    assert not probe.notes("hook")
    call = probe.dial(probe.number("000"), module, api_hangup_hook=f"'python {module} 18'")
    assert probe.wait_for_note("fsapi")["args"] == "18"
    probe.wait_until_gone(call)


def test_a_hangup_hook_of_the_session_runs_in_the_scripts_thread(probe: Probe, five_pages: Path) -> None:
    module = probe.script(
        f"""
        import threading
        def hook(session, what, *rest):
            note("hung up", what=what, rest=list(rest), thread=threading.get_ident())
        def handler(session, args):
            session.setHangupHook(hook)
            session.execute("txfax", {str(five_pages)!r})
            session.ready()
            note("handler", thread=threading.get_ident())
        """
    )
    probe.dial(probe.number("021"), module)
    hung_up, handler = probe.wait_for_note("hung up"), probe.wait_for_note("handler")
    assert (hung_up["what"], hung_up["rest"]) == ("hangup", [None])
    assert hung_up["thread"] == handler["thread"]


def test_events_of_our_own(probe: Probe) -> None:
    probe.record(("CUSTOM", "probe::said"))
    module = probe.script(
        """
        def fsapi(session, stream, env, args):
            event = freeswitch.Event("CUSTOM", "probe::said")
            event.addHeader("Unique-ID", "me")
            event.addHeader("Odd-Value", "a b%c\\u00e4")
            event.addBody("body")
            stream.write(f"{event.fire()}")
        """
    )
    assert probe.switch.api(f"python {module}") == "True"
    (said,) = wait_for(lambda: probe.events("me", "CUSTOM", "probe::said"), "own event")
    assert said["Odd-Value"] == "a b%cä"
    assert said["_body"] == "body"


def test_an_unknown_command(probe: Probe) -> None:
    module = probe.script(
        """
        def fsapi(session, stream, env, args):
            stream.write(freeswitch.API().execute("no_such_command", ""))
        """
    )
    assert probe.switch.api(f"python {module}") == "INVALID COMMAND!\n"


def test_looking_at_channels(probe: Probe) -> None:
    module = probe.script(
        """
        def handler(session, args):
            api, uuid = freeswitch.API(), session.get_uuid()
            note(
                "looked",
                exists=api.execute("uuid_exists", uuid),
                undefined=api.execute("uuid_getvar", uuid + " nothing"),
                set=api.execute("uuid_setvar", uuid + " one 1"),
                one=session.getVariable("one"),
                rows=[row["uuid"] for row in json.loads(api.execute("show", "channels as json")).get("rows", [])],
                count=api.execute("show", "channels count"),
            )
        """
    )
    call = probe.dial(probe.number("000"), module)
    looked = probe.wait_for_note("looked")
    assert looked["exists"] == "true"
    assert looked["undefined"] == "_undef_"
    assert looked["set"] == "+OK\n"
    assert looked["one"] == "1"
    assert looked["count"].endswith(" total.\n")
    probe.wait_until_gone(call)
    assert probe.switch.api(f"uuid_getvar {call} one") == "-ERR No such channel!\n"


def test_a_channel_is_not_found_from_its_hang_up_on_though_script_and_hook_still_run(probe: Probe) -> None:
    """switch_core_session_read_lock refuses a channel that is down: not to be found is not to be over."""
    module = probe.script(
        """
        def asked(uuid):
            api = freeswitch.API()
            return {
                "exists": api.execute("uuid_exists", uuid),
                "getvar": api.execute("uuid_getvar", uuid + " direction"),
                "kill": api.execute("uuid_kill", uuid),
                "listed": uuid in api.execute("show", "channels as json"),
            }
        def handler(session, args):
            uuid = session.get_uuid()
            before = freeswitch.API().execute("uuid_exists", uuid)
            session.hangup("NORMAL_CLEARING")
            note("script", before=before, direction=session.getVariable("direction"), **asked(uuid))
        def settle(session, stream, env, args):
            note("hook", env={"Unique-ID": env.getHeader("Unique-ID")}, **asked(env.getHeader("Unique-ID")))
        """
    )
    call = probe.dial(probe.number("000"), module)
    down = {"exists": "false", "getvar": "-ERR No such channel!\n", "kill": "-ERR No such channel!\n", "listed": True}
    script, hook = probe.wait_for_note("script"), probe.wait_for_note("hook")
    assert script == {"kind": "script", "before": "true", "direction": "outbound", **down}
    assert {name: hook[name] for name in down} == down
    probe.wait_until_gone(call)
