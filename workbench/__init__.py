"""vlmbench: see, edit, check and prove a vision-language fine-tune before the GPU-days are spent."""

from __future__ import annotations

__version__ = "0.1.0"
