disk_size       = "48G"
memory_mib      = 4096
install_timeout = "90m"
first_words     = "What is this machine to be"
