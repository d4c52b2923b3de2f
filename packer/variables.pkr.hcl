# What `python -m packer.image` decides; debian-13.pkrvars.hcl holds what belongs to this system.

variable "medium" {
  type        = string
  description = "The installer medium (ISO)."
}

variable "medium_sha256" {
  type = string
}

variable "output" {
  type        = string
  description = "Folder that Packer makes and puts the disk in."
}

variable "logs" {
  type        = string
  description = "Folder of serial consoles' logs."
}

variable "accelerator" {
  type        = string
  description = "kvm or tcg, as the probe found."
}

variable "python" {
  type        = string
  description = "Interpreter that boots the result once."
}

variable "disk_size" {
  type = string
}

variable "memory_mib" {
  type = number
}

variable "install_timeout" {
  type = string
}

variable "first_words" {
  type        = string
  description = "What the first boot says once the appliance asks its questions."
}
