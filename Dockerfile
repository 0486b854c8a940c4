# The images of the worker, which is built by default, and of the local cloud.
# To use another base: docker build --build-arg BASE=node:24-slim .
ARG BASE=gcr.io/distroless/nodejs24-debian12:nonroot

# The local cloud, from a folder that the package is installed in:
#   npm install --prefix image --os linux --libc glibc --ignore-scripts cloud-runner
#   docker build --target local-cloud --tag local-cloud -f image/node_modules/cloud-runner/Dockerfile image
# It runs processes as instances only as far as the image has their programs; the state goes with the container.
FROM ${BASE} AS local-cloud
ENV PATH=/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
COPY . /app
USER 65532:65532
EXPOSE 4510
ENTRYPOINT ["node", "/app/node_modules/cloud-runner/dist/src/local-cloud/main.js", \
    "--state", "/tmp/local-cloud", "--bind", "0.0.0.0:4510"]

# The worker: a base with Node 24 or later, and one file, which `npm run build` creates.
FROM ${BASE}

# Where the usual bases keep `node`: distroless has it outside PATH and no shell to find it.
ENV PATH=/nodejs/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_ENV=production \
    HEALTH_PORT=8081

WORKDIR /app
COPY dist/worker.cjs /app/worker.cjs

# By number, because not every base has the name; it owns nothing in the image.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["node", "/app/worker.cjs"]
