"""Cases of operators that move data: slices, joins, paddings, shuffles, fills, look-ups."""
import numpy as np
from case import BOOL, F32, S16, S32, S8, one, t
from flat import S64, T, ints

CASES = []


def add(*args, **fields):
    one(CASES, *args, **fields)


def padded_batches(x, zero):
    """SPACE_TO_BATCH_ND by two, one row before and two columns after: TensorFlow Lite Micro pads with whatever its stack holds."""
    x = np.pad(x, [(0, 0), (1, 0), (0, 2), (0, 0)], constant_values=zero)
    return np.concatenate([x[:, i::2, j::2] for i in range(2) for j in range(2)])


for k in (S8, S16, F32, S32):
    add("SLICE", "of three dimensions", [t(k, (4, 5, 3)), ints([1, 0, 1]), ints([2, 4, -1])], t(k, (2, 4, 2)))
    add("SPLIT", "in three", [ints(1), t(k, (2, 6, 3))], [t(k, (2, 2, 3)) for _ in range(3)], "Split", numSplits=3)
    add("SPLIT_V", "by unequal parts", [t(k, (3, 7)), ints([2, 4, 1]), ints(-1)], [t(k, (3, n)) for n in (2, 4, 1)], "SplitV", numSplits=3)
    add("PACK", "of three along 1", [t(k, (3, 2)) for _ in range(3)], t(k, (3, 3, 2)), "Pack", valuesCount=3, axis=1)
    add("PACK", "along the last", [t(k, (5,)) for _ in range(2)], t(k, (5, 2)), "Pack", valuesCount=2, axis=-1)
    add("UNPACK", "along 1", [t(k, (2, 3, 4))], [t(k, (2, 4)) for _ in range(3)], "Unpack", num=3, axis=1)
    add("CONCATENATION", "of three along 1", [t(k, (2, n, 3)) for n in (1, 4, 2)], t(k, (2, 7, 3)), "Concatenation", axis=1)
    add("RESHAPE", "to fewer dimensions", [t(k, (2, 3, 4)), ints([6, 4])], t(k, (6, 4)), "Reshape", newShape=[6, 4])
    add("SQUEEZE", "of two", [t(k, (1, 5, 1, 3))], t(k, (5, 3)), "Squeeze", squeezeDims=[0, 2])
    if k != S32:
        add("EXPAND_DIMS", "in the middle", [t(k, (4, 3)), ints(1)], t(k, (4, 1, 3)), "ExpandDims")
    add("PAD", "all around", [t(k, (3, 2, 3)), T(S32, (3, 2), data=[[1, 2], [0, 1], [2, 0]])], t(k, (6, 3, 5)), "Pad")
    add("PADV2", "with a value", [t(k, (3, 4)), T(S32, (2, 2), data=[[1, 0], [2, 3]]), t(k, (), data=7)], t(k, (4, 9)), "PadV2")
    add("REVERSE_V2", "of the middle", [t(k, (2, 5, 3)), ints([1])], t(k, (2, 5, 3)), "ReverseV2")
    add("STRIDED_SLICE", "with steps back", [t(k, (4, 6)), ints([3, 5]), ints([0, 0]), ints([-2, -1])], t(k, (2, 6)), "StridedSlice", endMask=2)
    add("STRIDED_SLICE", "that drops a dimension", [t(k, (4, 6, 2)), ints([1, 1, 0]), ints([2, 6, 2]), ints([1, 2, 1])], t(k, (3, 2)),
        "StridedSlice", shrinkAxisMask=1)
    add("DYNAMIC_UPDATE_SLICE", "inside", [t(k, (5, 6)), t(k, (2, 3)), T(S32, (2,))], t(k, (5, 6)), "DynamicUpdateSlice",
        draw=lambda rng, n, x: rng.integers(-2, 8, x.shape) if n == 2 else rng.integers(-90, 90, x.shape), samples=5)
    if k != S32:
        add("TRANSPOSE", "of four", [t(k, (2, 3, 4, 5)), ints([3, 1, 0, 2])], t(k, (5, 3, 2, 4)), "Transpose")
    if k in (S8, F32):
        add("BATCH_TO_SPACE_ND", "with crops", [t(k, (4, 2, 3, 2)), ints([2, 2]), T(S32, (2, 2), data=[[1, 0], [0, 2]])],
            t(k, (1, 3, 4, 2)), "BatchToSpaceND")
        add("BATCH_TO_SPACE_ND", "of batches", [t(k, (6, 2, 1, 3)), ints([3, 1]), T(S32, (2, 2), data=[[0, 0], [0, 0]])],
            t(k, (2, 6, 1, 3)), "BatchToSpaceND")
        add("SPACE_TO_BATCH_ND", "with padding", [t(k, (1, 3, 4, 2)), ints([2, 2]), T(S32, (2, 2), data=[[1, 0], [0, 2]])],
            t(k, (4, 2, 3, 2)), "SpaceToBatchND", define=lambda x, k=k: padded_batches(x, 3 if k == S8 else 0))
        add("SPACE_TO_BATCH_ND", "of batches", [t(k, (2, 6, 2, 1)), ints([3, 2]), T(S32, (2, 2), data=[[0, 0], [0, 0]])],
            t(k, (12, 2, 1, 1)), "SpaceToBatchND")
        add("DEPTH_TO_SPACE", "by two", [t(k, (1, 2, 3, 12))], t(k, (1, 4, 6, 3)), "DepthToSpace", blockSize=2)
        add("SPACE_TO_DEPTH", "by two", [t(k, (2, 4, 6, 3))], t(k, (2, 2, 3, 12)), "SpaceToDepth", blockSize=2)
        add("MIRROR_PAD", "reflecting", [t(k, (3, 4)), T(S32, (2, 2), data=[[1, 2], [3, 1]])], t(k, (6, 8)), "MirrorPad", mode=0)
        add("MIRROR_PAD", "symmetric", [t(k, (2, 3, 2)), T(S32, (3, 2), data=[[1, 2], [3, 0], [0, 1]])], t(k, (5, 6, 3)), "MirrorPad", mode=1)
        add("GATHER", "of rows", [t(k, (5, 3)), T(S32, (4,))], t(k, (4, 3)), "Gather", draw=lambda rng, n, x: rng.integers(0, 5, x.shape))
        add("GATHER", "along the last, in batches", [t(k, (2, 3, 5)), T(S32, (2, 4))], t(k, (2, 3, 4)), "Gather", axis=2, batchDims=1,
            draw=lambda rng, n, x: rng.integers(0, 5, x.shape))
        add("GATHER_ND", "of rows", [t(k, (4, 3, 2)), T(S32, (5, 2))], t(k, (5, 2)), "GatherNd", draw=lambda rng, n, x: rng.integers(0, 3, x.shape))
        add("GATHER_ND", "of elements", [t(k, (3, 4)), T(S32, (2, 3, 2))], t(k, (2, 3)), "GatherNd", draw=lambda rng, n, x: rng.integers(0, 3, x.shape))
        add("EMBEDDING_LOOKUP", "of a constant table",
            [T(S32, (6,)), t(k, (7, 5), data=np.random.default_rng(5).integers(-9, 9, (7, 5)))], t(k, (6, 5)),
            draw=lambda rng, n, x: rng.integers(0, 7, x.shape))
        add("ZEROS_LIKE", "of three dimensions", [T(k, (2, 3, 4))], T(k, (2, 3, 4)), "ZerosLike")
    if k in (S8, S16, F32):
        add("SELECT_V2", "of one shape", [T(BOOL, (2, 3, 4)), t(k, (2, 3, 4)), t(k, (2, 3, 4))], t(k, (2, 3, 4)), "SelectV2")
        add("SELECT_V2", "broadcasting", [T(BOOL, (3, 1)), t(k, (4,)), t(k, (2, 3, 1))], t(k, (2, 3, 4)), "SelectV2")
    for align, half in ((False, False), (True, False), (False, True)) if k != S32 else ():
        label = "corners aligned" if align else "half pixels" if half else "plain"
        add("RESIZE_NEAREST_NEIGHBOR", f"up, {label}", [t(k, (1, 3, 4, 3)), ints([5, 9])], t(k, (1, 5, 9, 3)), "ResizeNearestNeighbor",
            alignCorners=align, halfPixelCenters=half)
        if k in (S8, S16):
            add("RESIZE_NEAREST_NEIGHBOR", f"down, {label}", [t(k, (2, 7, 6, 1)), ints([3, 2])], t(k, (2, 3, 2, 1)), "ResizeNearestNeighbor",
                alignCorners=align, halfPixelCenters=half)
for k in (S32,):
    add("BROADCAST_TO", "from one row", [T(k, (3, 1)), ints([2, 3, 4])], T(k, (2, 3, 4)), "BroadcastTo")
    add("FILL", "with a value", [ints([2, 3]), T(k, ())], T(k, (2, 3)), "Fill")
add("FILL", "with a float", [ints([3, 1, 2]), T(F32, ())], T(F32, (3, 1, 2)), "Fill")
add("FILL", "with a byte", [ints([5]), t(S8, ())], t(S8, (5,)), "Fill")
add("SHAPE", "of an activation", [T(F32, (2, 5, 3))], T(S32, (3,)), "Shape", outType=2)
add("BROADCAST_ARGS", "of two lists", [T(S32, (2,)), T(S32, (3,))], T(S32, (3,)),
    draw=lambda rng, n, x: np.array([[1, 4], [2, 3, 1]][n]))
add("REVERSE_V2", "of booleans", [T(BOOL, (7,)), ints([0])], T(BOOL, (7,)), "ReverseV2")
