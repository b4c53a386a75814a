"""The portal: what a browser is given. So far the vault's modules (static/vault/) and their policy."""
