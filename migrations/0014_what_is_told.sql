-- What users are told of a fax that waits: also that an hour is full. Not which numbers a trunk failed.

revoke select on trunk_states from faxplan_portal;
grant select (trunk_id, rests_until, node_rests) on trunk_states to faxplan_portal;
grant select on tenant_turns to faxplan_portal;
