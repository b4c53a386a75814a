"""The portal: what a browser is given. `app` is the WSGI application, `routes` has every address, `pages` answers."""
