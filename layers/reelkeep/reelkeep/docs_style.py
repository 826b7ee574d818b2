"""How the documentation page looks: readable first, light and dark, on a desk and on a phone."""

STYLE = """
:root{color-scheme:light dark;--page:#fff;--panel:#f6f7f9;--line:#e3e6ea;--text:#1b1f24;--soft:#57606a;
--accent:#0b5fcc;--key:#0b5fcc;--string:#0a6b3d;--value:#9a3d00;--get:#0a6b3d;--post:#0b5fcc;--other:#a12a2a;
--mono:ui-monospace,"SF Mono","Cascadia Mono","Segoe UI Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media(prefers-color-scheme:dark){:root{--page:#101316;--panel:#181c21;--line:#2b3138;--text:#e3e7eb;
--soft:#9aa4ae;--accent:#79b3ff;--key:#8fc0ff;--string:#86d6a5;--value:#f0b27a;--get:#7ad29d;--post:#79b3ff;
--other:#ff9b94}}
*{box-sizing:border-box}
html{scroll-padding-top:1.5rem;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;display:grid;grid-template-columns:19rem minmax(0,1fr)}
a{color:var(--accent);text-underline-offset:.2em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
code,pre{font-family:var(--mono);font-size:.86em}
p{margin:.5rem 0;max-width:46rem}
code{overflow-wrap:anywhere}
p code,li code,dd code{background:var(--panel);border:1px solid var(--line);border-radius:4px;padding:.05em .3em}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;background:var(--page);padding:.5rem 1rem;z-index:2}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;border-right:1px solid var(--line);background:var(--panel);
padding:1.5rem 1rem 3rem;font-size:.875rem}
nav a{display:flex;align-items:baseline;gap:.5rem;padding:.2rem .5rem;border-radius:5px;color:var(--text);
text-decoration:none;overflow-wrap:anywhere}
nav a:hover{background:var(--line)}
nav ul{list-style:none;margin:0;padding:0}
nav>ul>li{margin-top:.75rem}
nav>ul>li>a{font-weight:600}
nav .brand{font-size:1.05rem;font-weight:700}
nav ul ul a{color:var(--soft)}
.method{flex:none;display:inline-block;min-width:3.1rem;font:700 .7rem/1.6 var(--mono);letter-spacing:.04em;
color:var(--other)}
.method.get{color:var(--get)}.method.post{color:var(--post)}
main{padding:2.5rem clamp(1rem,4vw,4rem) 6rem;max-width:84rem;width:100%}
h1{font-size:2.1rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 1rem}
.version{font-size:.9rem;font-weight:500;color:var(--soft);letter-spacing:0;margin-left:.25rem}
h2{font-size:1.5rem;letter-spacing:-.01em;margin:4rem 0 .5rem;padding-top:1.5rem;border-top:1px solid var(--line)}
h3{font-size:1.15rem;margin:0 0 .25rem}
h4{font-size:.8rem;text-transform:uppercase;letter-spacing:.06em;color:var(--soft);margin:1.75rem 0 .25rem}
.anchor{color:inherit;text-decoration:none}.anchor:hover{text-decoration:underline}
.overview{display:none;list-style:none;padding:0;margin:1rem 0}
.operation,.schema{padding:2rem 0}
.operation+.operation,.schema+.schema{border-top:1px solid var(--line)}
.schema{padding:1.25rem 0}
.route{display:flex;align-items:baseline;gap:.35rem;margin:0 0 .75rem;max-width:none}
.route code{background:none;border:0;padding:0;font-size:.95em}
.columns{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,28rem);gap:1rem 3rem;align-items:start}
.fields{margin:.25rem 0;max-width:46rem}
.fields>div{border-top:1px solid var(--line);padding:.55rem 0}
.fields>div:first-child{border-top:0}
dt>code{font-weight:600}
dt>span{color:var(--soft);font-size:.86rem;margin-left:.35rem}
dd{margin:0;font-size:.92rem}
.required{font-style:normal;font-size:.75rem;color:var(--other);margin-left:.25rem}
.limits{color:var(--soft);font-size:.82rem}
.constant{margin:.35rem 0}
.constant:target,.schema:target>h3,.operation:target>h3{background:color-mix(in srgb,var(--accent) 16%,transparent);
border-radius:4px;box-shadow:0 0 0 .35rem color-mix(in srgb,var(--accent) 16%,transparent)}
details{border:1px solid var(--line);border-radius:7px;margin:.4rem 0;max-width:46rem}
summary{cursor:pointer;padding:.4rem .8rem;font-weight:600;font-size:.92rem}
details[open]>summary{border-bottom:1px solid var(--line)}
details>:not(summary),details>.fields{margin:.5rem .8rem}
.answer summary{font-weight:400}
.answer p{font-size:.9rem}
.status{display:inline-block;margin:0 .9rem 0 .2rem;font:700 .85rem/1.6 var(--mono);color:var(--other)}
.s2{color:var(--get)}.s3{color:var(--post)}
figure{margin:0 0 1rem;border:1px solid var(--line);border-radius:8px;background:var(--panel);overflow:hidden}
section>figure{max-width:46rem}
figcaption{padding:.4rem .9rem;font-size:.8rem;color:var(--soft);border-bottom:1px solid var(--line)}
pre{margin:0;padding:.8rem .9rem;overflow:auto;max-height:42rem;line-height:1.5;tab-size:2}
pre code{font-size:.8rem;overflow-wrap:normal}
pre i{font-style:normal}
.key{color:var(--key)}.string{color:var(--string)}.value{color:var(--value)}
@media(max-width:76rem){.columns{grid-template-columns:minmax(0,1fr)}}
@media(max-width:52rem){body{display:block}
nav{position:static;height:auto;border-right:0;border-bottom:1px solid var(--line);padding:1rem}nav .brand{padding:0}
nav ul ul{display:none}nav>ul{display:flex;flex-wrap:wrap;gap:.4rem;margin-top:.5rem}nav>ul>li{margin:0}
nav>ul>li>a{border:1px solid var(--line);padding:.25rem .7rem;font-weight:500}
.overview{display:block}.overview a{display:flex;gap:.5rem;align-items:baseline;padding:.3rem 0;
text-decoration:none;color:var(--text);font-size:.9rem}
main{padding-top:1.5rem}h1{font-size:1.7rem}h2{margin-top:2.5rem}}
@media print{nav,.skip{display:none}body{display:block}pre{max-height:none}}
""".strip()
