"""How cad-bridge is packed for machines that bring little or nothing: wheels of other platforms, one file."""
