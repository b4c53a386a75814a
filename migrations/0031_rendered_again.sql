-- Of a fax that was cancelled before its pages were made, and is sent again, they are made after all.

grant update (state, error_id, error_text) on renderings to faxplan_portal;
