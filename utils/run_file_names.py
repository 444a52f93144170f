"""Names of the files and folders of a run; this module imports nothing, so that any module can import it."""

CONFIG, ENV, CARD, LOCK = "config.yaml", "env.json", "card.json", ".lock"
WEIGHTS, ARCHITECTURE, NORMALIZER = "policy.safetensors", "policy.json", "normalizer.npz"
POLICY_FILES = (WEIGHTS, NORMALIZER, ARCHITECTURE)
NUMBERS, ARRAYS, LOGS = "training.json", "training.npz", "logs.json"  # files of a checkpoint for resuming
PROGRESS, TENSORBOARD = "progress.csv", "tensorboard"
BEST, CHECKPOINTS, BAD_STATES, START = "best", "checkpoints", "bad_states", "start"
FILES = (CONFIG, ENV, CARD, LOCK, *POLICY_FILES, NUMBERS, ARRAYS, LOGS, PROGRESS)
FOLDERS = (TENSORBOARD, BEST, CHECKPOINTS, BAD_STATES, START)
