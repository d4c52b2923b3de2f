"""Directories by LDAP: Active Directory and OpenLDAP. What parses their answers is a process apart."""
