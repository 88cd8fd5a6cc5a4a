"""Why a tensor gets its values, and in what two recipes or checkpoints differ."""
