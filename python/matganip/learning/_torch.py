"""torch, or the message that says which extra brings it.

Every file of this room that computes with torch takes it from here, so that enumeration, diffraction,
splits and metrics work without it, and whoever asks for a network is told ``pip install
'matganip[learn]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matganip.errors import require

if TYPE_CHECKING:
    import safetensors.torch as safetensors
    import torch
    from safetensors import SafetensorError, safe_open
    from torch import nn
    from torch.nn import functional
else:
    torch = require("torch", "learn")
    nn = torch.nn
    functional = torch.nn.functional
    safetensors = require("safetensors.torch", "learn")
    safe_open = require("safetensors", "learn").safe_open
    SafetensorError = require("safetensors", "learn").SafetensorError

__all__ = ["SafetensorError", "functional", "nn", "safe_open", "safetensors", "torch"]
