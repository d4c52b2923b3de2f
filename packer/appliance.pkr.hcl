build {
  sources = ["source.qemu.appliance"]

  # Boots a copy-on-write view once: the result stays as it was written, without a machine-id or host keys.
  post-processor "shell-local" {
    inline = [
      "${var.python} -m packer.virtual_machine ${var.output}/disk.qcow2 ${var.logs}/first-boot.log '${var.first_words}' ${var.accelerator}",
    ]
  }
}
