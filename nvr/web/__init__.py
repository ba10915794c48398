"""The web server: accounts, TLS, the HTTP API and the page's files. See README.md."""
