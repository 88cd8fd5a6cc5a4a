"""The initializers themselves: one module per family, blind to where arrays live."""

from initkit.initializers.along_axis import Cycle, Ramp
from initkit.initializers.biases import NaN, PriorProbability
from initkit.initializers.block_orthogonal import BlockOrthogonal
from initkit.initializers.blocks import Blocks, Stack
from initkit.initializers.constant import Constant, Identity, Ones, Zeros
from initkit.initializers.depth import DepthScaled
from initkit.initializers.dirac import Dirac
from initkit.initializers.fourier_features import RandomFourier
from initkit.initializers.gates import ChronoBias, ForgetBias
from initkit.initializers.identity_like import IDInit, ZerO
from initkit.initializers.kaiming import KaimingNormal, KaimingUniform, XavierNormal, XavierUniform
from initkit.initializers.layer_scale import LayerScale
from initkit.initializers.lora import LoRA
from initkit.initializers.lru import LRURing
from initkit.initializers.mamba import Mamba2ALog, MambaALog, MambaDtBias
from initkit.initializers.mapping import Map
from initkit.initializers.mimetic import Mimetic
from initkit.initializers.mup import MuP
from initkit.initializers.normalized import NormalizedRows
from initkit.initializers.orthogonal import Orthogonal
from initkit.initializers.orthogonal_convolution import DeltaOrthogonal, OrthogonalConvolution
from initkit.initializers.overwrite import Overwrite
from initkit.initializers.positions import SinusoidalPositions
from initkit.initializers.quaternion import Quaternion
from initkit.initializers.random import RandomNormal, RandomUniform
from initkit.initializers.scale import Scale
from initkit.initializers.sparse import Sparse
from initkit.initializers.state_space import S4D, HippoLegS
from initkit.initializers.stft import STFT
from initkit.initializers.torch_layers import TorchConv, TorchEmbedding, TorchLinear, TorchMHA, TorchRNN
from initkit.initializers.trabelsi import Trabelsi
from initkit.initializers.transpose import Transpose
from initkit.initializers.truncated_normal import TruncatedNormal
from initkit.initializers.upsampling import ICNR, Bilinear
from initkit.initializers.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from initkit.initializers.width import Siren, SmallInit, SpectralScaling, WangInit

__all__ = [
    "ICNR",
    "S4D",
    "STFT",
    "Bilinear",
    "BlockOrthogonal",
    "Blocks",
    "ChronoBias",
    "Constant",
    "Cycle",
    "DeltaOrthogonal",
    "DepthScaled",
    "Dirac",
    "ForgetBias",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "HippoLegS",
    "IDInit",
    "Identity",
    "KaimingNormal",
    "KaimingUniform",
    "LRURing",
    "LayerScale",
    "LecunNormal",
    "LecunUniform",
    "LoRA",
    "Mamba2ALog",
    "MambaALog",
    "MambaDtBias",
    "Map",
    "Mimetic",
    "MuP",
    "NaN",
    "NormalizedRows",
    "Ones",
    "Orthogonal",
    "OrthogonalConvolution",
    "Overwrite",
    "PriorProbability",
    "Quaternion",
    "Ramp",
    "RandomFourier",
    "RandomNormal",
    "RandomUniform",
    "Scale",
    "SinusoidalPositions",
    "Siren",
    "SmallInit",
    "Sparse",
    "SpectralScaling",
    "Stack",
    "TorchConv",
    "TorchEmbedding",
    "TorchLinear",
    "TorchMHA",
    "TorchRNN",
    "Trabelsi",
    "Transpose",
    "TruncatedNormal",
    "VarianceScaling",
    "WangInit",
    "XavierNormal",
    "XavierUniform",
    "ZerO",
    "Zeros",
]
