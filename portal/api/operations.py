"""Every address of the API, and what is done there. The OpenAPI document is made of this table and the shapes."""

from faxplan.api_keys import Scope
from portal.api import (
    account,
    campaign_shapes,
    campaigns,
    contacts,
    faxes,
    records,
    shapes,
    shapes_account,
    shapes_contacts,
    shapes_records,
    shapes_webhooks,
    webhooks,
)
from portal.api.operation import LARGEST, MOST_JSON_BYTES, ROOT, Operation
from portal.api.operations_administration import INSTALLATION, ORGANISATION
from portal.roles import ADMINISTRATOR

__all__ = ["LARGEST", "MOST_JSON_BYTES", "OPERATIONS", "ROOT", "Operation"]

_NUMBER = "<int(max=9223372036854775807):number>"
_FAX = f"/faxes/{_NUMBER}"
_CONTACT, _GROUP = f"/contacts/{_NUMBER}", f"/groups/{_NUMBER}"
_CAMPAIGN = f"/campaigns/{_NUMBER}"
_WEBHOOK = f"/webhooks/{_NUMBER}"
_NAMES = "any('tiff','pdf','images','thumbnail','original','cover','cover-images')"

OPERATIONS = (
    Operation(
        "GET", "/account", account.account, "getAccount", "Whose API key this is, and what it may do.", "Account", None,
        shapes_account.Account,
    ),
    Operation(
        "POST", "/faxes", faxes.send, "sendFax", "Sends a document to one number or several.", "Faxes",
        Scope.FAXES_SEND, shapes.SentFaxes, 201, body=shapes.SendFax, takes_files=True, may_repeat=True,
    ),
    Operation(
        "GET", "/faxes", faxes.listed, "listFaxes", "Faxes that were sent, or came in, newest first.", "Faxes",
        Scope.FAXES_READ, shapes.FaxList, query=shapes.FaxFilters,
    ),
    Operation(
        "GET", _FAX, faxes.one, "getFax", "How it stands with a fax.", "Faxes", Scope.FAXES_READ, shapes.Fax,
    ),
    Operation(
        "DELETE", _FAX, faxes.delete, "deleteFax", "Deletes a fax that has ended.", "Faxes", Scope.FAXES_CHANGE,
        status=204,
    ),
    Operation(
        "POST", f"{_FAX}/cancel", faxes.cancel, "cancelFax", "Stops a fax that is being sent.", "Faxes",
        Scope.FAXES_CHANGE, shapes.Cancelled,
    ),
    Operation(
        "POST", f"{_FAX}/resend-offer", faxes.resend_offer, "resendOffer",
        "What a reader's key wraps, so that a fax of one's own can be sent again. It is audited.", "Faxes",
        Scope.FAXES_READ, shapes.ResendOffer,
    ),
    Operation(
        "POST", f"{_FAX}/resend", faxes.resend, "resendFax", "Sends a fax of one's own again that has ended.", "Faxes",
        Scope.FAXES_SEND, shapes.SentFaxes, 201, body=shapes.ResendFax, may_repeat=True,
    ),
    Operation(
        "GET", f"/batches/{_NUMBER}", faxes.batch, "getBatch", "How it stands with the faxes of one request.", "Faxes",
        Scope.FAXES_READ, shapes.Batch,
    ),
    Operation(
        "POST", f"/batches/{_NUMBER}/cancel", faxes.cancel_batch, "cancelBatch",
        "Stops those faxes of one request that have not ended.", "Faxes", Scope.FAXES_CHANGE, shapes.StoppedBatch,
    ),
    Operation(
        "POST", f"{_FAX}/labels", faxes.put_label, "addLabel", "Puts a label on a fax.", "Faxes", Scope.FAXES_CHANGE,
        status=204, body=shapes.Label,
    ),
    Operation(
        "DELETE", f"{_FAX}/labels/<string(maxlength=40):name>", faxes.take_label, "removeLabel",
        "Takes a label off a fax.", "Faxes", Scope.FAXES_CHANGE, status=204,
    ),
    Operation(
        "GET", f"{_FAX}/files", faxes.files, "listFiles",
        "The sealed files of a fax, and what opens them for a reader. It is marked as read, and audited.", "Faxes",
        Scope.FAXES_READ, shapes.SealedFiles,
    ),
    Operation(
        "GET", f"{_FAX}/files/<{_NAMES}:name>", faxes.file, "getFile", "A sealed file, whole or a range of it.",
        "Faxes", Scope.FAXES_READ, is_file=True,
    ),
    Operation(
        "GET", "/reader-keys", records.readers, "listReaderKeys",
        "What opens the keys of mailboxes for a program that has a reader's key.", "Faxes", Scope.FAXES_READ,
        shapes_records.ReaderKeys,
    ),
    Operation(
        "GET", "/user-key", records.key_parameters, "getUserKey",
        "What makes of the user's password what unlocks their key.", "Faxes", Scope.FAXES_OPEN,
        shapes_records.UserKeyParameters,
    ),
    Operation(
        "POST", "/user-key/unlock", records.unlock_key, "unlockUserKey",
        "The user's key, locked, for who knows the password or the recovery code; and what it opens.", "Faxes",
        Scope.FAXES_OPEN, shapes_records.UserKey, body=shapes_records.UnlockUserKey,
    ),
    Operation(
        "GET", "/numbers", account.numbers, "listNumbers", "Numbers that the user may call as.", "Account",
        Scope.ACCOUNT_READ, shapes_account.Numbers,
    ),
    Operation(
        "GET", "/mailboxes", account.mailboxes, "listMailboxes", "Mailboxes that the user reads.", "Account",
        Scope.ACCOUNT_READ, shapes_account.Mailboxes,
    ),
    Operation(
        "GET", "/cover-pages", account.cover_pages, "listCoverPages", "Cover pages of the organisation.", "Account",
        Scope.ACCOUNT_READ, shapes_account.CoverPages,
    ),
    Operation(
        "GET", "/quota", account.quota, "getQuota", "How many pages may still be sent.", "Account",
        Scope.ACCOUNT_READ, shapes_account.Quotas,
    ),
    Operation(
        "GET", f"{_FAX}/attempts", records.attempts, "listAttempts", "All calls of a fax, and how each ended.", "Faxes",
        Scope.FAXES_READ, shapes_records.Attempts,
    ),
    Operation(
        "GET", "/labels", records.label_names, "listLabels", "Labels that are on faxes that the user sees.", "Faxes",
        Scope.FAXES_READ, shapes_records.LabelNames,
    ),
    Operation(
        "GET", "/contacts", contacts.listed, "listContacts", "Contacts that the user sees, by name.", "Contacts",
        Scope.CONTACTS_READ, shapes_contacts.ContactList, query=shapes_contacts.ContactFilters,
    ),
    Operation(
        "POST", "/contacts", contacts.add, "addContact", "Enters a contact.", "Contacts", Scope.CONTACTS_CHANGE,
        shapes_contacts.Contact, 201, body=shapes_contacts.NewContact, may_repeat=True,
    ),
    Operation(
        "GET", _CONTACT, contacts.one, "getContact", "A contact.", "Contacts", Scope.CONTACTS_READ,
        shapes_contacts.Contact,
    ),
    Operation(
        "PUT", _CONTACT, contacts.change, "changeContact", "Gives a contact other values: all of them.", "Contacts",
        Scope.CONTACTS_CHANGE, shapes_contacts.Contact, body=shapes_contacts.NewContact,
    ),
    Operation(
        "DELETE", _CONTACT, contacts.remove, "deleteContact", "Deletes a contact.", "Contacts", Scope.CONTACTS_CHANGE,
        status=204,
    ),
    Operation(
        "GET", "/groups", contacts.groups, "listGroups", "Groups of contacts that the user sees, by name.", "Contacts",
        Scope.CONTACTS_READ, shapes_contacts.Groups,
    ),
    Operation(
        "POST", "/groups", contacts.add_group, "addGroup", "Makes a group of contacts.", "Contacts",
        Scope.CONTACTS_CHANGE, shapes_contacts.Group, 201, body=shapes_contacts.NewGroup, may_repeat=True,
    ),
    Operation(
        "PUT", _GROUP, contacts.rename_group, "renameGroup", "Gives a group another name.", "Contacts",
        Scope.CONTACTS_CHANGE, shapes_contacts.Group, body=shapes_contacts.GroupName,
    ),
    Operation(
        "DELETE", _GROUP, contacts.remove_group, "deleteGroup", "Deletes a group; its contacts stay.", "Contacts",
        Scope.CONTACTS_CHANGE, status=204,
    ),
    Operation(
        "POST", f"{_GROUP}/members", contacts.put_in, "addMembers", "Puts contacts into a group.", "Contacts",
        Scope.CONTACTS_CHANGE, shapes_contacts.PutIn, body=shapes_contacts.Members,
    ),
    Operation(
        "DELETE", f"{_GROUP}/members/<int(max=9223372036854775807):contact>", contacts.take_out, "removeMember",
        "Takes a contact out of a group.", "Contacts", Scope.CONTACTS_CHANGE, status=204,
    ),
    Operation(
        "GET", "/keys", records.keys, "listKeys", "The user's API keys.", "Account", Scope.KEYS, shapes_records.Keys,
    ),
    Operation(
        "DELETE", f"/keys/{_NUMBER}", records.end_key, "endKey",
        "Ends one of the user's API keys: it does nothing any more.", "Account", Scope.KEYS, status=204,
    ),
    Operation(
        "GET", "/audit", records.audit, "listAudit",
        "What was done in the organisation, newest first, for its administrators.", "Organisation", Scope.AUDIT_READ,
        shapes_records.AuditList, query=shapes_records.AuditFilters, role=ADMINISTRATOR,
    ),
    Operation(
        "POST", "/campaigns", campaigns.make, "makeCampaign", "Makes a campaign of a document.", "Campaigns",
        Scope.CAMPAIGNS, campaign_shapes.Campaign, 201, body=campaign_shapes.MakeCampaign, takes_files=True,
        may_repeat=True,
    ),
    Operation(
        "GET", "/campaigns", campaigns.listed, "listCampaigns", "Campaigns, newest first.", "Campaigns",
        Scope.CAMPAIGNS, campaign_shapes.Campaigns, query=campaign_shapes.CampaignPage,
    ),
    Operation(
        "GET", _CAMPAIGN, campaigns.one, "getCampaign", "How it stands with a campaign.", "Campaigns",
        Scope.CAMPAIGNS, campaign_shapes.Campaign,
    ),
    Operation(
        "PATCH", _CAMPAIGN, campaigns.change, "changeCampaign", "Changes a campaign's name, pace or tries.",
        "Campaigns", Scope.CAMPAIGNS, campaign_shapes.Campaign, body=campaign_shapes.ChangeCampaign,
    ),
    Operation(
        "DELETE", _CAMPAIGN, campaigns.remove, "removeCampaign", "Removes a campaign that was never started.",
        "Campaigns", Scope.CAMPAIGNS, status=204,
    ),
    Operation(
        "POST", f"{_CAMPAIGN}/recipients", campaigns.add, "addRecipients",
        "Adds recipients: a list, a CSV file, or contacts, which are read after the answer.", "Campaigns",
        Scope.CAMPAIGNS, campaign_shapes.Reading, 202, body=campaign_shapes.AddRecipients, takes_files=True,
    ),
    Operation(
        "POST", f"{_CAMPAIGN}/recipients/preview", campaigns.preview, "previewRecipients",
        "Shows how a CSV file would be read. Nothing is kept.", "Campaigns", Scope.CAMPAIGNS,
        campaign_shapes.FilePreview, body=campaign_shapes.CsvFile, takes_files=True,
    ),
    Operation(
        "GET", f"{_CAMPAIGN}/recipients", campaigns.recipients, "listRecipients", "Whom a campaign goes to.",
        "Campaigns", Scope.CAMPAIGNS, campaign_shapes.Recipients, query=campaign_shapes.RecipientPage,
    ),
    Operation(
        "GET", f"{_CAMPAIGN}/results.csv", campaigns.results, "getCampaignResults",
        "What became of a campaign, recipient by recipient. It is audited.", "Campaigns", Scope.CAMPAIGNS,
        is_file=True, media_type="text/csv",
    ),
    Operation(
        "GET", f"{_CAMPAIGN}/progress", campaigns.progress, "getCampaignProgress",
        "How far a campaign is, over time, and when it is through at the earliest.", "Campaigns", Scope.CAMPAIGNS,
        campaign_shapes.Progress,
    ),
    Operation(
        "DELETE", f"{_CAMPAIGN}/file", campaigns.take_away, "stopReadingRecipients",
        "Reads no more of a file of recipients; those that were entered stay.", "Campaigns", Scope.CAMPAIGNS,
        status=204,
    ),
    Operation(
        "GET", f"{_CAMPAIGN}/cover", campaigns.cover_fields, "getCampaignCover",
        "Whether a campaign has a cover page, and the fields that one may have.", "Campaigns", Scope.CAMPAIGNS,
        campaign_shapes.CoverFields,
    ),
    Operation(
        "PUT", f"{_CAMPAIGN}/cover", campaigns.put_cover, "putCampaignCover",
        "Gives each fax of a campaign a cover page, with fields of its recipient.", "Campaigns", Scope.CAMPAIGNS,
        campaign_shapes.CoverFields, body=campaign_shapes.CampaignCover,
    ),
    Operation(
        "DELETE", f"{_CAMPAIGN}/cover", campaigns.remove_cover, "removeCampaignCover",
        "Faxes of a campaign have no cover page any more.", "Campaigns", Scope.CAMPAIGNS, status=204,
    ),
    Operation(
        "POST", f"{_CAMPAIGN}/cover/preview", campaigns.preview_cover, "previewCampaignCover",
        "A cover page as a recipient would get it; nothing of it is kept.", "Campaigns", Scope.CAMPAIGNS,
        campaign_shapes.CoverPreview, body=campaign_shapes.PreviewCover,
    ),
    Operation(
        "POST", f"{_CAMPAIGN}/test", campaigns.ask_test, "testCampaign",
        "Sends a campaign's fax to a number of one's own; it does not count among the recipients.", "Campaigns",
        Scope.CAMPAIGNS, campaign_shapes.CampaignTest, 202, body=campaign_shapes.AskTest, may_repeat=True,
    ),
    Operation(
        "GET", f"{_CAMPAIGN}/tests", campaigns.tests, "listCampaignTests", "Tests of a campaign, newest first.",
        "Campaigns", Scope.CAMPAIGNS, campaign_shapes.CampaignTests,
    ),
    Operation(
        "POST", f"{_CAMPAIGN}/start", campaigns.start, "startCampaign", "Starts a campaign, or goes on with it.",
        "Campaigns", Scope.CAMPAIGNS, campaign_shapes.Campaign,
    ),
    Operation(
        "POST", f"{_CAMPAIGN}/clone", campaigns.clone, "cloneCampaign",
        "Makes a campaign as another one is or was, also to those of it who failed.", "Campaigns", Scope.CAMPAIGNS,
        campaign_shapes.Campaign, 201, body=campaign_shapes.CloneCampaign, takes_files=True, may_repeat=True,
    ),
    Operation(
        "POST", f"{_CAMPAIGN}/pause", campaigns.pause, "pauseCampaign", "Begins no more faxes of a campaign.",
        "Campaigns", Scope.CAMPAIGNS, campaign_shapes.Campaign,
    ),
    Operation(
        "POST", f"{_CAMPAIGN}/cancel", campaigns.cancel, "cancelCampaign", "Ends a campaign.", "Campaigns",
        Scope.CAMPAIGNS, campaign_shapes.Campaign,
    ),
    Operation(
        "GET", "/webhooks", webhooks.listed, "listWebhooks", "Webhooks that the user looks after.", "Webhooks",
        Scope.WEBHOOKS, shapes_webhooks.Webhooks,
    ),
    Operation(
        "POST", "/webhooks", webhooks.make, "makeWebhook",
        "Has a program told of what becomes of faxes. The secret is shown this once.", "Webhooks", Scope.WEBHOOKS,
        shapes_webhooks.WebhookWithSecret, 201, body=shapes_webhooks.NewWebhook,
    ),
    Operation(
        "GET", _WEBHOOK, webhooks.one, "getWebhook", "How it stands with a webhook.", "Webhooks", Scope.WEBHOOKS,
        shapes_webhooks.Webhook,
    ),
    Operation(
        "PATCH", _WEBHOOK, webhooks.change, "changeWebhook", "Changes a webhook, or turns it on or off.", "Webhooks",
        Scope.WEBHOOKS, shapes_webhooks.Webhook, body=shapes_webhooks.WebhookChange,
    ),
    Operation(
        "DELETE", _WEBHOOK, webhooks.remove, "deleteWebhook", "Deletes a webhook, and what waits for it.", "Webhooks",
        Scope.WEBHOOKS, status=204,
    ),
    Operation(
        "POST", f"{_WEBHOOK}/secret", webhooks.rotate, "rotateWebhookSecret",
        "Another secret and key pair, shown this once; those before sign beside them for 24 hours.", "Webhooks",
        Scope.WEBHOOKS, shapes_webhooks.WebhookWithSecret,
    ),
    Operation(
        "POST", f"{_WEBHOOK}/test", webhooks.test, "testWebhook", "Tells a webhook of nothing: does it hear?",
        "Webhooks", Scope.WEBHOOKS, shapes_webhooks.WebhookDelivery, 202,
    ),
    Operation(
        "GET", f"{_WEBHOOK}/deliveries", webhooks.deliveries, "listWebhookDeliveries",
        "What a webhook was told in 30 days, or is to be, newest first.", "Webhooks", Scope.WEBHOOKS,
        shapes_webhooks.WebhookDeliveries, query=shapes_webhooks.DeliveryFilters,
    ),
    Operation(
        "POST", "/webhooks/deliveries/<int(max=9223372036854775807):number>/resend", webhooks.resend,
        "resendWebhookDelivery", "Tells a webhook once more, with the same webhook-id.", "Webhooks", Scope.WEBHOOKS,
        shapes_webhooks.WebhookDelivery, 202,
    ),
    *ORGANISATION,
    *INSTALLATION,
)  # fmt: skip
