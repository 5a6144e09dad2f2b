# Compute shaders for the Vulkan backend (lib/backend.h) go here. This release has none.
