//! The images of [`near_misses`](super), as text.

/// One image.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What it has in any case.
    pub(crate) image: &'static str,
    /// What needs something of it.
    pub(crate) user: &'static str,
    /// The config of the image that needs it, as JSON; empty for a service of its own.
    pub(crate) config: &'static str,
    /// What must stay.
    pub(crate) needed: &'static [&'static str],
}

/// A Debian package `t` with a program, documents and a manual page.
macro_rules! debian {
    () => {
        "[RUN apt-get install t]
usr/bin/t (0755) = x
usr/share/doc/t/usage.txt = x
usr/share/doc/t/html/index.html = x
usr/share/man/man1/t.1.gz = x
var/lib/dpkg/status = Package: t\\nStatus: install ok installed\\nVersion: 1\\n
var/lib/dpkg/info/t.list = /usr/bin/t\\n/usr/share/doc/t/usage.txt\\n/usr/share/doc/t/html/index.html\\n/usr/share/man/man1/t.1.gz\\n
"
    };
}

/// A conda environment with a package that has documents and headers.
macro_rules! conda {
    () => {
        "[RUN conda install s]
c/conda-meta/s-1.json = {\"name\":\"s\",\"version\":\"1\",\"files\":[\"bin/s\",\"share/doc/s/guide.html\",\"share/man/man1/s.1\",\"include/s.h\",\"lib/s\"]}
c/bin/s (0755) = x
c/share/doc/s/guide.html = x
c/share/man/man1/s.1 = x
c/include/s.h = x
c/pkgs/s-1.conda = zip
c/pkgs/s-1/info/index.json = {}
c/pkgs/s-1/lib/s = data
c/lib/s == c/pkgs/s-1/lib/s
"
    };
}

/// A Python package with tests.
macro_rules! python {
    () => {
        "[RUN pip install p]
usr/bin/python3 (0755) = x
usr/lib/python3/dist-packages/p-1.dist-info/METADATA = Name: p\\nVersion: 1\\n
usr/lib/python3/dist-packages/p-1.dist-info/RECORD = p/__init__.py,,\\np/tests/__init__.py,,\\np/tests/test_a.py,,\\np/tests/helpers.py,,\\np/tests/data/a.csv,,\\n
usr/lib/python3/dist-packages/p/__init__.py = x = 1
usr/lib/python3/dist-packages/p/tests/__init__.py = #
usr/lib/python3/dist-packages/p/tests/test_a.py = def test_a(): pass
usr/lib/python3/dist-packages/p/tests/helpers.py = def help(): pass
usr/lib/python3/dist-packages/p/tests/data/a.csv = 1,2
app/serve (0755) = x
"
    };
}

/// pip, and a package that was installed with it.
macro_rules! pip {
    () => {
        "[RUN pip install p]
usr/bin/python3 (0755) = x
usr/local/bin/pip3 (0755) = #!/usr/bin/python3\\nfrom pip._internal.cli.main import main\\nmain()\\n
usr/local/lib/python3.11/site-packages/pip-24.0.dist-info/METADATA = Name: pip\\nVersion: 24.0\\n
usr/local/lib/python3.11/site-packages/pip-24.0.dist-info/RECORD = ../../../bin/pip3,,\\npip/__init__.py,,\\npip/__main__.py,,\\npip/_internal/__init__.py,,\\n
usr/local/lib/python3.11/site-packages/pip/__init__.py = x = 1
usr/local/lib/python3.11/site-packages/pip/__main__.py = x = 1
usr/local/lib/python3.11/site-packages/pip/_internal/__init__.py = x = 1
usr/local/lib/python3.11/os.py = #
app/serve (0755) = x
"
    };
}

/// A Node.js application with one module.
macro_rules! node {
    () => {
        "[RUN npm ci]
app/server.js = require('p')
app/node_modules/p/package.json = {\"name\":\"p\",\"version\":\"1\"}
app/node_modules/p/index.js = 1
app/node_modules/p/index.d.ts = x
app/node_modules/p/README.md = x
app/node_modules/p/dist/a.js = 1
app/node_modules/p/dist/a.js.map = {}
root/.npm/_cacache/content-v2/sha512/a = x
root/.npm/_cacache/index-v5/b = x
"
    };
}

const USAGE: &[&str] = &["/usr/share/doc/t/usage.txt"];
const PAGE: &[&str] = &["/usr/share/man/man1/t.1.gz"];
const GUIDE: &[&str] = &["/c/share/doc/s/guide.html"];
const HELPERS: &[&str] = &["/usr/lib/python3/dist-packages/p/tests/helpers.py"];
const DATA: &[&str] = &["/usr/lib/python3/dist-packages/p/tests/data/a.csv"];
const PIP: &[&str] = &["/usr/local/lib/python3.11/site-packages/pip/__main__.py"];

const fn with(
    name: &'static str,
    image: &'static str,
    user: &'static str,
    needed: &'static [&'static str],
) -> Case {
    Case {
        name,
        image,
        user,
        config: "",
        needed,
    }
}

const fn started(
    name: &'static str,
    image: &'static str,
    config: &'static str,
    needed: &'static [&'static str],
) -> Case {
    Case {
        name,
        image,
        user: "",
        config,
        needed,
    }
}

pub(crate) const CASES: &[Case] = &[
    // --- documents ---------------------------------------------------------------------------
    with(
        "a program prints its usage from share/doc",
        debian!(),
        "usr/local/bin/t-help (0755) = #!/bin/sh\\ncat /usr/share/doc/t/usage.txt\\n",
        USAGE,
    ),
    with(
        "a path in two parts of a shell script",
        debian!(),
        "usr/local/bin/t-help (0755) = #!/bin/sh\\nDOC=/usr/share/doc\\ncat \"$DOC/t/usage.txt\"\\n",
        USAGE,
    ),
    with(
        "a web server has the documents in an alias",
        debian!(),
        "etc/nginx/conf.d/doc.conf = location /doc/ { alias /usr/share/doc/; }",
        USAGE,
    ),
    with(
        "a link from the web root to the documents",
        debian!(),
        "srv/www/help -> ../../usr/share/doc/t/html",
        &["/usr/share/doc/t/html/index.html"],
    ),
    started(
        "the command works in share",
        debian!(),
        r#"{"WorkingDir": "/usr/share", "Cmd": ["cat", "doc/t/usage.txt"]}"#,
        USAGE,
    ),
    started(
        "the image's folder is the documents'",
        debian!(),
        r#"{"WorkingDir": "/usr/share/doc/t/html", "Cmd": ["python3", "-m", "http.server"]}"#,
        &["/usr/share/doc/t/html/index.html"],
    ),
    started(
        "a variable names the documents",
        debian!(),
        r#"{"Env": ["HELP_DIR=/usr/share/doc/t"], "Cmd": ["/app/serve"]}"#,
        USAGE,
    ),
    started(
        "a volume of documents",
        debian!(),
        r#"{"Volumes": {"/usr/share/doc": {}}, "Cmd": ["/app/serve"]}"#,
        USAGE,
    ),
    with(
        "a string in UTF-16, as .NET and Qt store it",
        debian!(),
        "app/tool.dll = MZ\\x00/\\x00u\\x00s\\x00r\\x00/\\x00s\\x00h\\x00a\\x00r\\x00e\\x00/\\x00d\\x00o\\x00c\\x00/\\x00t\\x00/\\x00u\\x00s\\x00a\\x00g\\x00e\\x00.\\x00t\\x00x\\x00t\\x00\\x00\\x00",
        USAGE,
    ),
    with(
        "a completion that is sourced from the documents",
        debian!(),
        "root/.bashrc = source /usr/share/doc/t/usage.txt",
        USAGE,
    ),
    with(
        "a manual page viewer",
        debian!(),
        "usr/bin/man (0755) = x",
        PAGE,
    ),
    with(
        "a manual page viewer of another name",
        debian!(),
        "usr/bin/mandoc (0755) = x",
        PAGE,
    ),
    with(
        "a web page that shows manual pages",
        debian!(),
        "app/man.cgi (0755) = #!/bin/sh\\nzcat \"/usr/share/man/man1/$1.gz\"\\n",
        PAGE,
    ),
    with(
        "an info page for its reader",
        "[RUN make install]\nusr/local/bin/x (0755) = x\nusr/local/share/info/x.info = x",
        "usr/bin/info (0755) = x",
        &["/usr/local/share/info/x.info"],
    ),
    with(
        "a guide that its program opens beside itself",
        conda!(),
        "c/bin/s-gui (0755) = #!/bin/sh\\nxdg-open \"$(dirname $0)/../share/doc/s/guide.html\"\\n",
        GUIDE,
    ),
    with(
        "a guide whose path is joined in Python",
        conda!(),
        "c/lib/python3.12/site-packages/sgui.py = import os, sys\\nGUIDE = os.path.join(sys.prefix, 'share', 'doc', 's', 'guide.html')\\n",
        GUIDE,
    ),
    with(
        "a guide whose path is joined with slashes",
        conda!(),
        "app/gui.py = from pathlib import Path\\nimport sys\\nguide = Path(sys.prefix) / 'share' / 'doc' / 's' / 'guide.html'\\n",
        GUIDE,
    ),
    with(
        "the texdoc of a TeX image",
        "[RUN make install]\nopt/tex/bin/tex (0755) = x\nopt/tex/share/doc/amsmath/amsldoc.html = x",
        "opt/tex/bin/texdoc (0755) = #!/usr/bin/env texlua\\nkpse.find_file('share/doc/amsmath/amsldoc.html')\\n",
        &["/opt/tex/share/doc/amsmath/amsldoc.html"],
    ),
    with(
        "perldoc itself",
        "[RUN make install]\nusr/share/perl/5.36/T.pm = package T;\nusr/share/perl/5.36/T/FAQ.pod = =head1 FAQ",
        "usr/bin/perldoc (0755) = #!/usr/bin/perl\\nuse Pod::Perldoc;\\n",
        &["/usr/share/perl/5.36/T/FAQ.pod"],
    ),
    // --- caches and leftovers -------------------------------------------------------------------
    with(
        "a script sources a file of a cache folder",
        "[RUN pip install x]\nroot/.cache/pip/http-v2/env.sh = export A=1",
        "app/start.sh (0755) = #!/bin/sh\\n. \"$HOME/.cache/pip/http-v2/env.sh\"\\n",
        &["/root/.cache/pip/http-v2/env.sh"],
    ),
    Case {
        name: "apt-get without update when it starts",
        image: "[RUN apt-get update]\nvar/lib/apt/lists/deb_Packages = p\nusr/bin/apt-get (0755) = x",
        user: "app/start.sh (0755) = #!/bin/sh\\napt-get install -y \"$PLUGIN\"\\nexec /app/serve\\n",
        config: r#"{"Entrypoint": ["/app/start.sh"]}"#,
        needed: &["/var/lib/apt/lists/deb_Packages"],
    },
    started(
        "apt-cache as the command",
        "[RUN apt-get update]\nvar/lib/apt/lists/deb_Packages = p\nusr/bin/apt-cache (0755) = x",
        r#"{"Entrypoint": ["apt-cache", "show"]}"#,
        &["/var/lib/apt/lists/deb_Packages"],
    ),
    with(
        "archives that are installed at start",
        "[RUN apt-get install -d t]\nvar/cache/apt/archives/t.deb = d",
        "app/start.sh (0755) = #!/bin/sh\\ncd /var/cache/apt/archives\\ndpkg -i *.deb\\n",
        &["/var/cache/apt/archives/t.deb"],
    ),
    with(
        "a repository that is a link to apt's archives",
        "[RUN apt-get install -d t]\nvar/cache/apt/archives/t.deb = d",
        "srv/repository -> /var/cache/apt/archives",
        &["/var/cache/apt/archives/t.deb"],
    ),
    with(
        "a wheelhouse that the entrypoint installs from",
        "[COPY wheels /wheels]\nwheels/my_tool-1.0-py3-none-any.whl = zip\nlib/site-packages/my_tool-1.0.dist-info/METADATA = Name: my-tool\\nVersion: 1.0\\n",
        "app/start.sh (0755) = #!/bin/sh\\npip install --no-index --find-links=/wheels my-tool\\n",
        &["/wheels/my_tool-1.0-py3-none-any.whl"],
    ),
    started(
        "a wheelhouse in a variable",
        "[COPY wheels /wheels]\nwheels/my_tool-1.0-py3-none-any.whl = zip\nlib/site-packages/my_tool-1.0.dist-info/METADATA = Name: my-tool\\nVersion: 1.0\\n",
        r#"{"Env": ["PIP_FIND_LINKS=/wheels"], "Cmd": ["/app/serve"]}"#,
        &["/wheels/my_tool-1.0-py3-none-any.whl"],
    ),
    started(
        "npm ci with its cache at start",
        node!(),
        r#"{"Cmd": ["sh", "-c", "npm ci --offline && node server.js"], "WorkingDir": "/app"}"#,
        &["/root/.npm/_cacache/content-v2/sha512/a"],
    ),
    with(
        "an environment whose files are links into the cache",
        conda!(),
        "c/lib/t -> ../pkgs/s-1/lib/s",
        &["/c/pkgs/s-1/lib/s"],
    ),
    started(
        "conda makes environments offline",
        conda!(),
        r#"{"Cmd": ["conda", "create", "--offline", "-n", "x", "s"]}"#,
        &["/c/pkgs/s-1.conda"],
    ),
    with(
        "a report reads dpkg's log",
        "[RUN apt-get install t]\nvar/log/ (0755)\nvar/log/dpkg.log = x",
        "etc/cron.daily/report (0755) = #!/bin/sh\\ngrep installed /var/log/dpkg.log | mail root\\n",
        &["/var/log/dpkg.log"],
    ),
    started(
        "the command follows all logs",
        "[RUN apt-get install t]\nvar/log/ (0755)\nvar/log/dpkg.log = x",
        r#"{"Cmd": ["sh", "-c", "tail -F /var/log/*.log"]}"#,
        &["/var/log/dpkg.log"],
    ),
    with(
        "a file that a RUN step left in /tmp for the start",
        "[RUN curl -o /tmp/seed.sql]\ntmp/seed.sql = x",
        "app/start.py = import os, tempfile\\nopen(os.path.join(tempfile.gettempdir(), 'seed.sql'))\\n",
        &["/tmp/seed.sql"],
    ),
    with(
        "the start reads everything in a folder of /tmp",
        "[RUN make]\ntmp/init/a.sql = x",
        "app/start.sh (0755) = #!/bin/sh\\nfor f in /tmp/init/*.sql; do psql -f \"$f\"; done\\n",
        &["/tmp/init/a.sql"],
    ),
    with(
        "a version that is read from a checkout",
        "[RUN git clone x]\nopt/tool/run = x\nopt/tool/.git/HEAD = ref: x\nopt/tool/.git/objects/a = x\nopt/tool/.git/refs/x = x",
        "usr/local/bin/version (0755) = #!/bin/sh\\ncat \"$TOOL/.git/HEAD\"\\n",
        &["/opt/tool/.git/HEAD"],
    ),
    with(
        "a backup that a script restores",
        "[RUN apt-get install t]\nvar/lib/dpkg/status = x\nvar/lib/dpkg/status-old = x",
        "app/restore.sh (0755) = #!/bin/sh\\ncp /var/lib/dpkg/status-old /data\\n",
        &["/var/lib/dpkg/status-old"],
    ),
    with(
        "gdb with debugging files",
        "[RUN apt-get install t-dbg]\nusr/lib/debug/.build-id/26/aa.debug = \\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x03\\x00x",
        "usr/bin/gdb (0755) = x",
        &["/usr/lib/debug/.build-id/26/aa.debug"],
    ),
    // --- Python ---------------------------------------------------------------------------------
    with(
        "tests that are imported",
        python!(),
        "app/a.py = from p.tests.helpers import help\\n",
        HELPERS,
    ),
    with(
        "tests that are imported in a function",
        python!(),
        "app/a.py = def f():\\n    import p.tests.helpers\\n",
        HELPERS,
    ),
    with(
        "tests that are imported by a name in a text",
        python!(),
        "app/a.py = import importlib\\nimportlib.import_module('p.tests.' + name)\\n",
        HELPERS,
    ),
    with(
        "data of tests by its resource",
        python!(),
        "app/a.py = import importlib.resources as r\\nr.files('p.tests.data').joinpath('a.csv')\\n",
        DATA,
    ),
    with(
        "data of tests beside the module",
        python!(),
        "app/a.py = import os, p\\nos.path.join(os.path.dirname(p.__file__), 'tests', 'data', 'a.csv')\\n",
        DATA,
    ),
    with(
        "a plugin that a config names",
        python!(),
        "etc/app.ini = [plugins]\\nhelper = p.tests.helpers:help\\n",
        HELPERS,
    ),
    started(
        "the command runs the tests",
        python!(),
        r#"{"Cmd": ["python3", "-m", "unittest", "p.tests.test_a"]}"#,
        &["/usr/lib/python3/dist-packages/p/tests/test_a.py"],
    ),
    with(
        "an entry point that leads into the tests",
        python!(),
        "usr/lib/python3/dist-packages/q-1.dist-info/METADATA = Name: q\\nVersion: 1\\n\nusr/lib/python3/dist-packages/q-1.dist-info/entry_points.txt = [console_scripts]\\ncheck = p.tests.helpers:help\\n",
        HELPERS,
    ),
    with(
        "pytest for the packages' tests",
        python!(),
        "usr/lib/python3/dist-packages/pytest/__init__.py = x\nusr/lib/python3/dist-packages/pytest-8.dist-info/METADATA = Name: pytest\\nVersion: 8\\n",
        HELPERS,
    ),
    with(
        "a service that installs plugins with pip",
        pip!(),
        "app/plugins.py = import subprocess, sys\\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', name])\\n",
        PIP,
    ),
    with(
        "a library that imports pip in a function",
        pip!(),
        "app/deps.py = def f():\\n    from pip._internal import main\\n    main(['list'])\\n",
        PIP,
    ),
    started(
        "Python for its users",
        pip!(),
        r#"{"Cmd": ["python3"]}"#,
        PIP,
    ),
    // --- Node.js -----------------------------------------------------------------------------------
    with(
        "an application that shows a module's README",
        node!(),
        "app/about.js = fs.readFileSync(require.resolve('p/README.md'))",
        &["/app/node_modules/p/README.md"],
    ),
    with(
        "an application that serves a module's files",
        node!(),
        "app/static.js = app.use('/p', express.static(path.join(__dirname, 'node_modules/p')))",
        &[
            "/app/node_modules/p/README.md",
            "/app/node_modules/p/dist/a.js.map",
        ],
    ),
    with(
        "an editor in the browser that is given declarations",
        node!(),
        "app/editor.js = addLib(fs.readFileSync('node_modules/p/index.d.ts'))",
        &["/app/node_modules/p/index.d.ts"],
    ),
    // --- builders ------------------------------------------------------------------------------------
    with(
        "an image whose purpose is the toolchain",
        "[RUN apt-get install libz-dev]\nusr/include/z.h = x\nusr/lib/libz.a = !<arch>\\nx",
        "usr/bin/gcc (0755) = x",
        &["/usr/include/z.h", "/usr/lib/libz.a"],
    ),
    with(
        "a preprocessor without a compiler",
        "[RUN apt-get install libz-dev]\nusr/include/z.h = x",
        "usr/bin/cpp (0755) = x",
        &["/usr/include/z.h"],
    ),
    with(
        "a generator of code that reads headers",
        "[RUN apt-get install libz-dev]\nusr/include/z.h = x",
        "usr/bin/swig4.0 (0755) = x",
        &["/usr/include/z.h"],
    ),
    with(
        "protoc and swig with the types that come with them",
        "[RUN apt-get install libprotobuf-dev]\nusr/include/google/protobuf/any.proto = x\nusr/include/google/protobuf/any.pb.h = x",
        "usr/bin/protoc-c (0755) = x\nusr/bin/swig (0755) = x",
        &[
            "/usr/include/google/protobuf/any.proto",
            "/usr/include/google/protobuf/any.pb.h",
        ],
    ),
    with(
        "a Go builder",
        "[RUN go mod download]\nroot/go/pkg/mod/cache/lock *0\nroot/go/pkg/mod/cache/download/a.b/c/@v/v1.zip = x\nroot/go/pkg/mod/a.b/c/d@v1.0.0/d.go = x",
        "usr/local/go/bin/go (0755) = x\nsrc/go.mod = module x",
        &["/root/go/pkg/mod/a.b/c/d@v1.0.0/d.go"],
    ),
    started(
        "Maven builds at start",
        "[RUN mvn package]\nroot/.m2/repository/a/a/1/a-1.jar = x\nroot/.m2/repository/a/a/1/_remote.repositories = x\nusr/bin/mvn (0755) = x",
        r#"{"Cmd": ["mvn", "spring-boot:run"]}"#,
        &["/root/.m2/repository/a/a/1/a-1.jar"],
    ),
    with(
        "a class path into Maven's repository",
        "[RUN mvn package]\nroot/.m2/repository/a/a/1/a-1.jar = x\nroot/.m2/repository/a/a/1/_remote.repositories = x",
        "app/run.sh (0755) = #!/bin/sh\\njava -cp \"$HOME/.m2/repository/a/a/1/a-1.jar\" a.Main\\n",
        &["/root/.m2/repository/a/a/1/a-1.jar"],
    ),
    started(
        "the Gradle daemon",
        "[RUN gradle build]\nroot/.gradle/caches/modules-2/files-2.1/a/a.jar = x\nroot/.gradle/caches/CACHEDIR.TAG = x\nroot/.gradle/caches/8.5/x.lock = x",
        r#"{"Cmd": ["gradle", "--offline", "bootRun"]}"#,
        &["/root/.gradle/caches/modules-2/files-2.1/a/a.jar"],
    ),
    started(
        "Bundler installs at start",
        "[RUN gem install a]\nusr/local/bundle/cache/a-1.gem = x\nusr/local/bundle/gems/a-1/a.rb = x\nusr/local/bundle/specifications/a-1.gemspec = x",
        r#"{"Cmd": ["sh", "-c", "bundle install --local && ruby app.rb"]}"#,
        &["/usr/local/bundle/cache/a-1.gem"],
    ),
    with(
        "jlink makes a runtime at start",
        "[RUN x]\nusr/lib/jvm/j/release = JAVA_VERSION=\"17\"\nusr/lib/jvm/j/lib/modules = x\nusr/lib/jvm/j/bin/java (0755) = x\nusr/lib/jvm/j/bin/jlink (0755) = x\nusr/lib/jvm/j/jmods/java.base.jmod = x",
        "app/make.sh (0755) = #!/bin/sh\\njlink --add-modules java.base --output /tmp/jre\\n",
        &["/usr/lib/jvm/j/jmods/java.base.jmod"],
    ),
    // --- R -----------------------------------------------------------------------------------------
    Case {
        name: "a shiny app that shows a vignette",
        image: R,
        user: "srv/app.R = vignette('v', package = 'a')",
        config: r#"{"Cmd": ["Rscript", "/srv/app.R"]}"#,
        needed: &["/usr/lib/R/library/a/doc/v.pdf"],
    },
    Case {
        name: "an R script that prints help",
        image: R,
        user: "srv/app.R = print(help('f', package = 'a'))",
        config: r#"{"Cmd": ["Rscript", "/srv/app.R"]}"#,
        needed: &["/usr/lib/R/library/a/help/a.rdb"],
    },
];

const R: &str = "[RUN x]
usr/lib/R/library/a/DESCRIPTION = Package: a
usr/lib/R/library/a/Meta/package.rds = x
usr/lib/R/library/a/R/a.rdb = x
usr/lib/R/library/a/help/a.rdb = x
usr/lib/R/library/a/doc/v.pdf = x
usr/lib/R/library/a/doc/v.Rnw = x
usr/bin/Rscript (0755) = x
srv/app.R = x
";
