-- Users make their own secret addresses and PINs for mails, take them back, and give up addresses that they fax from.
-- Another address is given by an administrator alone: whoever had somebody else's would read what that one faxes.
grant delete on mail_senders to faxplan_portal;
grant insert, delete on mail_tokens, mail_pins to faxplan_portal;
