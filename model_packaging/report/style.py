"""The page's style, for light and dark mode, paper and phones."""

STYLE = """
:root { color-scheme: light dark; --page: #fbfbfa; --ink: #1d2126; --soft: #616a75;
  --line: #dfe2e6; --card: #fff; --accent: #1f6feb; --good: #dcefe2; --limit: #b4371f;
  --wrong: #fbe9e4; --much: #f3c3b5; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --ink: #e6e9ed; --soft: #98a2ae;
  --line: #2e343c; --card: #1b1f25; --accent: #6aa5ff; --good: #1f3a2a; --limit: #ff8a70;
  --wrong: #39231f; --much: #6b3529; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2.5rem 1.25rem 4rem; background: var(--page);
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -0.02em; }
h2 { margin: 2.75rem 0 0.75rem; font-size: 1.15rem; }
p { margin: 0.4rem 0; max-width: 46rem; } .soft { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.9rem;
  margin: 1.75rem 0 0; }
.tile, figure { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.tile { padding: 0.9rem 1.1rem; } .tile b { display: block; font-size: 1.45rem; }
.tile span { color: var(--soft); font-size: 0.85rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th { text-align: left; font-weight: 600; color: var(--soft); }
th, td { padding: 0.45rem 0.9rem 0.45rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (max-width: 40rem) { .number { white-space: normal; } }
td.code { font: 0.85rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
figure { margin: 0.9rem 0; padding: 1rem 1.2rem; }
figcaption { margin-bottom: 0.6rem; font-size: 0.9rem; color: var(--soft); }
svg { display: block; width: 100%; overflow: visible; }
svg text { fill: var(--ink); font-size: 14px; } svg .tick { fill: var(--soft); font-size: 12px; }
svg .figure { font-variant-numeric: tabular-nums; } svg .bar, svg .dot { fill: var(--accent); }
svg .allowed { fill: var(--good); } svg line { stroke: var(--accent); stroke-width: 2; }
svg .axis { stroke: var(--line); stroke-width: 1; } svg .mark { stroke: var(--ink); }
svg .band { fill: var(--accent); opacity: 0.18; }
svg .curve { fill: none; stroke: var(--accent); stroke-width: 2;
  vector-effect: non-scaling-stroke; }
svg .limit { stroke: var(--limit); } svg .zero { stroke: var(--soft); stroke-width: 1;
  stroke-dasharray: 3 3; }
h3 { margin: 1.5rem 0 0.5rem; font-size: 1rem; } summary { cursor: pointer; margin: 0.75rem 0; }
pre { margin: 0.5rem 0; padding: 0.9rem 1.1rem; overflow-x: auto; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; font: 0.85rem/1.5 ui-monospace, monospace; }
.matrix table { width: auto; } .matrix th, .matrix td { padding: 0.35rem 0.55rem; }
.matrix tbody th { position: sticky; left: 0; background: var(--page); max-width: 9rem;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.matrix thead th { text-align: right; max-width: 7rem; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }
.matrix .right { background: var(--good); } .matrix .wrong { background: var(--wrong); }
.matrix .much { background: var(--much); } .matrix .none { color: var(--soft); }
@media print { body { max-width: none; padding: 0; }
  .tile, figure { break-inside: avoid; } }
"""
