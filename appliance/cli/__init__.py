"""The command line door `xdr`: a client of the API, plus what must work when there is no database."""
