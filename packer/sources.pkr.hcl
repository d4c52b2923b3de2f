# The medium installs itself on the only disk and powers off; nobody logs in, so there is no communicator and no
# password that an image would have to lose again. How it is to install is said by the firmware (SMBIOS type 11).

source "qemu" "appliance" {
  iso_url          = var.medium
  iso_checksum     = "sha256:${var.medium_sha256}"
  output_directory = var.output
  vm_name          = "disk.qcow2"
  format           = "qcow2"
  disk_size        = var.disk_size
  disk_interface   = "virtio"
  disk_discard     = "unmap"
  disk_compression = false
  memory           = var.memory_mib
  cpus             = 2
  accelerator      = var.accelerator
  machine_type     = "q35"
  net_device       = "virtio-net"
  headless         = true
  communicator     = "none"
  boot_wait        = "1s"
  shutdown_timeout = var.install_timeout
  qemuargs = [
    ["-cpu", "max"],
    ["-serial", "file:${var.logs}/install.log"],
    ["-smbios", "type=11,value=xdr.install=/dev/vda"],
    ["-device", "virtio-rng-pci"],
  ]
}
