-- A reader's key that was ended stays so.

create function user_keys_refuse() returns trigger
    language plpgsql
as $$
begin
    raise exception 'a key that has ended stays ended' using errcode = 'insufficient_privilege';
end $$;
comment on function user_keys_refuse() is 'Whoever has a key that was ended, a recovery key on paper say, is handed nothing again.';
create trigger user_keys_ended before update of replaced_at on user_keys for each row
    when (old.replaced_at is not null and new.replaced_at is distinct from old.replaced_at) execute function user_keys_refuse();
