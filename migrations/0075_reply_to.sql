-- To whom people answer who get a brand's mails.

alter table brands add column mail_reply_to text not null default '';
alter table brands add constraint brands_mail_reply_to_form check (mail_reply_to ~ '^([^@[:space:][:cntrl:]<>,]+@[^@[:space:][:cntrl:]<>,]+)?$' and length(mail_reply_to) <= 254);
comment on column brands.mail_reply_to is 'To whom answers to its mails go; empty: to the sender.';
