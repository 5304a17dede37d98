//! What `--help` says below the options: examples, and the exit status.

pub(super) const REFERENCES: &str = "\
References:
  docker-archive:PATH[:NAME]  what `docker save` writes
  oci:FOLDER[:TAG]            an OCI image layout
  oci-archive:PATH[:TAG]      an OCI image layout in a tar archive
  rootfs:FOLDER               the files of an image, unpacked
  PATH                        any of these, recognised by its content (for reading)
  host:                       this machine, as far as programs reach (for minimize, why and graph)

Exit status: 0 done, 1 the answer is no, 2 usage or input, 70 a bug in ounce.";

pub(super) const ANALYZE: &str = "\
Examples:
  docker save -o image.tar myimage && ounce analyze image.tar
  ounce analyze oci:build --by layer
  ounce analyze image.tar --by path --top 40
  ounce analyze image.tar --owner conda:openjdk
  ounce analyze image.tar --format json --output report.json
  ounce analyze one.tar two.tar three.tar --format markdown";

pub(super) const SLIM: &str = "\
Examples:
  ounce slim image.tar --output docker-archive:slim.tar:myimage:slim && docker load -i slim.tar
  ounce slim image.tar --dry-run
  ounce slim one.tar two.tar --output-dir slim --format markdown > pull-request.md
  ounce slim oci:build --output oci:slim --keep-layers 3
  ounce slim image.tar --output oci-archive:slim.tar:latest --disable logs --keep /usr/share/doc/mytool";

pub(super) const DIFF: &str = "\
Examples:
  ounce diff image.tar oci:slim
  ounce diff release-1.tar release-2.tar --format markdown --output comment.md
  ounce diff before.tar after.tar --by path
  ounce diff before.tar after.tar --exit-code > /dev/null || echo they differ";

pub(super) const VERIFY: &str = "\
Examples:
  ounce verify image.tar slim.tar --checks checks.toml
  ounce verify image.tar slim.tar --check 'tool --version' --check \"sh -c 'tool < /etc/passwd'\"
  ounce verify oci:build oci:slim --checks checks.toml --format markdown --report verify.json

Exit status: 0 all checks do the same, 1 a check differs, 2 a check fails in the original already.";

pub(super) const RUN: &str = "\
Examples:
  ounce run image.tar
  ounce run image.tar -- tool --version
  ounce run oci:slim --volume ./data:/data:ro --workdir /data -- tool input.txt
  ounce run image.tar --entrypoint sh -- -c 'ls /opt'

What the command writes is thrown away at the end, but for what it writes to a volume.

Exit status: the command's; 128 and the signal's number when a signal ended it; 124 when it took longer than
--timeout, 125 when the container could not be made, 126 when the program cannot be executed, 127 when there is none;
2 usage, image, or no permission to make namespaces, 70 a bug in ounce.";

pub(super) const TRACE: &str = "\
Examples:
  ounce trace image.tar -- tool --version
  ounce trace image.tar --checks checks.toml --output trace.json
  ounce trace image.tar --output trace.json --volume ./data:/data:ro -- tool /data/input.txt

Exit status: 0 done, 1 a command did not end as it should, 2 usage or input, 125 to 127 as `ounce run`,
70 a bug in ounce.";

pub(super) const LINT: &str = "\
Examples:
  ounce lint
  ounce lint Dockerfile --fix
  ounce lint containers --diff --unsafe-fixes > changes.patch
  ounce lint Dockerfile --image image.tar
  ounce lint Dockerfile --fix --resolve
  ounce lint - < Dockerfile --select apt-lists-left,pip-cache-left
  ounce lint --format sarif > lint.sarif

A comment in an instruction, or right above it, silences rules for it: # ounce: ignore=RULE,RULE reason
docs/lint has a page for each rule.

Exit status: 0 nothing found, 1 findings, 2 usage, or a file that no builder takes.";

pub(super) const MINIMIZE: &str = "\
Examples:
  ounce minimize image.tar --output docker-archive:small.tar:myimage:small && docker load -i small.tar
  ounce minimize host: --program git --output docker-archive:git.tar:git:small
  ounce minimize image.tar --program minimap2 --program samtools --output oci:small
  ounce minimize image.tar --base debian-slim.tar --output docker-archive:small.tar:myimage:small
  ounce minimize image.tar --keep '/usr/share/fonts/**' --output oci-archive:small.tar:latest --report small.json
  ounce minimize image.tar --checks checks.toml --heal --output docker-archive:small.tar:myimage:small
  ounce minimize image.tar --trace trace.json --check 'tool --version' --output oci:small
  ounce minimize image.tar --dry-run --emit-dockerfile Dockerfile.small && docker build -f Dockerfile.small .

With checks, exit status 1: a check differs, so no image was written; 2 also: one fails in the original already.";

pub(super) const WHY: &str = "\
Examples:
  ounce why image.tar /usr/lib/x86_64-linux-gnu/libcrypto.so.3
  ounce why image.tar --package perl-base
  ounce why image.tar /usr --removed";

pub(super) const GRAPH: &str = "\
Examples:
  ounce graph image.tar --format dot | dot -Tsvg > graph.svg
  ounce graph image.tar --from /usr/sbin/nginx --format json";
