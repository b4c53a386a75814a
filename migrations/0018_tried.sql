-- A fax remembers which trunks failed it, also where it may go back to them, and which refused it.
comment on column fax_queue.tried is 'Trunks that could not take this call just before: it goes to another one. Those that refused it stand there negative; after 0 the others may '
    'have it again (ways.py).';
comment on column calls.tried is 'As fax_queue.tried was.';
