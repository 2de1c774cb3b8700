import jupyter_featx as featx

job = featx.submit("work.py", "data", cores=2)
if job.wait().failed:
    job.retry().wait()
frame = job.result()
frame.to_csv("features.csv", index=False)
