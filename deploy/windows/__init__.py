"""cad-bridge on Windows: a portable folder, and a service."""
