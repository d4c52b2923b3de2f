"""systemd's journal, read by `journalctl`: this machine's, another one's over ssh, a folder of files."""
