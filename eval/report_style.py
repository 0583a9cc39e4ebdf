"""How a report looks: paper, ink and one accent, as in the web app; and the few lines that filter its questions."""

STYLE = """
:root{--paper:#f7f5ef;--sheet:#fffdf8;--ink:#26241f;--quiet:#625d52;--line:#ddd8cb;--accent:#2f6b5f;--wash:#e3eeea;
--warn:#9a3412;--warn-wash:#fbeee6;--serif:"Iowan Old Style","Palatino Linotype",Palatino,"Noto Serif",Charter,Georgia,
"DejaVu Serif",serif;--sans:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;color-scheme:light}
@media (prefers-color-scheme:dark){:root{--paper:#171613;--sheet:#1f1e1a;--ink:#e9e5da;--quiet:#aca697;--line:#3b3932;
--accent:#87b8ab;--wash:#22322e;--warn:#f0a37f;--warn-wash:#37241b;color-scheme:dark}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 var(--sans)}
main{max-width:820px;margin:0 auto;padding:48px 24px 80px}
header{margin-bottom:28px}
.kicker{margin:0;color:var(--quiet);font-size:14px}
h1{margin:6px 0 4px;font:600 38px/1.15 var(--serif);letter-spacing:-.01em}
.lead{margin:0;color:var(--quiet)}
section{margin:0 0 26px;padding:22px 26px;background:var(--sheet);border:1px solid var(--line);border-radius:10px;
break-inside:avoid}
h2{margin:0 0 12px;font:600 22px/1.25 var(--serif)}
h4{margin:14px 0 4px;font-size:13px;color:var(--quiet);font-weight:600}
p{margin:0 0 12px}
code{font:.85em var(--mono);color:var(--quiet)}
.findings{margin:0;padding:0;list-style:none;font:18px/1.55 var(--serif)}
.findings li{padding:8px 0 8px 18px;border-left:3px solid var(--accent);margin:8px 0}
.remark{padding:12px 16px;border-radius:8px;background:var(--warn-wash);color:var(--warn)}
svg{display:block;width:100%;height:auto;font-family:var(--sans)}
svg .label{font-size:13.5px;text-anchor:end;fill:var(--ink)}
svg .value{font-size:14px;fill:var(--ink);white-space:pre}
svg .tick{font-size:12px;fill:var(--quiet)} svg .middle{text-anchor:middle} svg .end{text-anchor:end}
svg .grid{stroke:var(--line);stroke-width:1}
svg .interval{stroke:var(--accent);stroke-width:7;stroke-linecap:round;opacity:.28}
svg .dot,svg .bar{fill:var(--accent)}
svg .curve{fill:none;stroke:var(--accent);stroke-width:2.5;stroke-linejoin:round}
svg .area{fill:var(--accent);opacity:.12}
.meanings{margin-top:10px;color:var(--quiet);font-size:14px}
.meanings summary{cursor:pointer}
dl{display:grid;grid-template-columns:minmax(170px,auto) 1fr;gap:4px 18px;margin:8px 0 0}
dt{font-weight:600} dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:6px 8px;text-align:right;border-bottom:1px solid var(--line)} th:first-child{text-align:left}
thead th{color:var(--quiet);font-weight:600}
tr.good td,tr.good th{background:var(--wash)} tr.poor td,tr.poor th{background:var(--warn-wash)}
.refusals{width:auto;margin-top:14px;font-size:16px} .refusals td{min-width:110px;text-align:center;font-weight:600;font-size:20px}
.refusals thead th{text-align:center}
td.good{background:var(--wash);color:var(--accent)} td.poor{background:var(--warn-wash);color:var(--warn)}
.filter{display:flex;flex-wrap:wrap;gap:8px 18px;align-items:center;color:var(--quiet);font-size:14px}
.filter select,.filter input{font:inherit;color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:6px;
padding:4px 8px}
.question{border-top:1px solid var(--line);padding:10px 0 10px 18px}
.question summary{cursor:pointer;list-style-position:outside}
.question[open] summary{font-weight:600;margin-bottom:8px}
.sign{display:inline-block;width:1.5em;font-weight:700} .sign.good{color:var(--accent)} .sign.poor{color:var(--warn)}
.tag{margin-left:8px;padding:1px 8px;border-radius:999px;background:var(--wash);color:var(--accent);font-size:12px;font-weight:500}
.said{margin:4px 0;font-family:var(--serif)} .said b{display:inline-block;min-width:84px;font:600 13px var(--sans);color:var(--quiet)}
.scores{display:flex;flex-wrap:wrap;gap:2px 16px;margin:8px 0;font-size:12.5px;color:var(--quiet)} .scores b{color:var(--ink)}
.question ul,.question ol{margin:0;padding-left:22px;font-size:14px} .question li{margin:5px 0}
.question li.held::marker{color:var(--accent);font-weight:700}
cite{font-style:normal;font-weight:600;font-size:13px} q{color:var(--quiet);font-family:var(--serif)}
.facts{font-size:14px} .facts p{margin:14px 0 0;color:var(--quiet)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
@media (max-width:620px){main{padding:24px 12px}section{padding:16px}dl{grid-template-columns:1fr}h1{font-size:29px}}
@media print{body{background:#fff}section{border:0;padding:8px 0}.filter{display:none}}
"""

SCRIPT = """
const items=[...document.querySelectorAll(".question")],select=document.getElementById("filter"),
words=document.getElementById("words"),count=document.getElementById("count");
function show(){let n=0;const wanted=words.value.toLowerCase();for(const item of items){
const fits=(select.value==="all"||item.dataset.kind.split(" ").includes(select.value))&&item.textContent.toLowerCase().includes(wanted);
item.hidden=!fits;n+=fits}count.textContent=n+" questions"}
select.addEventListener("change",show);words.addEventListener("input",show);show();
"""
