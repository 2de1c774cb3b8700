set -u
cat > one.py <<'PYTHON'
import json
import os
import sys
from pathlib import Path

from work import _process_input

path = sys.argv[1]
target = Path("rows", Path(path).name + ".json")
target.parent.mkdir(exist_ok=True)
with open(f"{target}.tmp", "w") as file:
    json.dump({"item": path, **_process_input(path)}, file)
    file.flush()
    os.fsync(file.fileno())
os.replace(f"{target}.tmp", target)
PYTHON
mkdir -p errors
for item in data/*; do echo "python one.py $item 2> errors/$(basename "$item")"; done > tasks
disBatch -s localhost:2 -p run tasks
grep -q '^R' run_status.txt && disBatch -s localhost:2 -p again -r run_status.txt -R tasks
python - <<'PYTHON'
import json
from pathlib import Path

import pandas as pd

rows = [json.loads(path.read_text()) for path in sorted(Path("rows").glob("*.json"))]
pd.DataFrame(rows).to_csv("features.csv", index=False)
PYTHON
