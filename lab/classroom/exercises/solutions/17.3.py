new = token_urlsafe(12)
set_password(guest, new, **settings.kafka)
