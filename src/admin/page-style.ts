import { raw } from "hono/html";

/** The page's one style sheet: a constant, so nothing in it needs escaping. */
export const PAGE_STYLE = raw(`
:root { --ink: #1c2430; --dim: #5d6878; --paper: #f6f7f9; --card: #fff; --line: #dfe3e8; --good: #0f7b45; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --dim: #98a3b3; --paper: #12161c; --card: #1a2028; --line: #2b333e; --good: #4cc38a; --bad: #ff7b72; }
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem; }
h1 { font-size: 1.5rem; letter-spacing: -0.01em; }
h1 small { color: var(--dim); font-size: 1rem; font-weight: 400; }
h2 { font-size: 1rem; margin-bottom: 0.5rem; }
header { display: grid; gap: 0.5rem; margin-bottom: 2rem; }
header p { font-weight: 600; }
.good { color: var(--good); }
.bad { color: var(--bad); }
dl { display: flex; flex-wrap: wrap; gap: 0.25rem 2rem; }
dt { color: var(--dim); font-size: 0.8rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin-bottom: 1.25rem; padding: 1rem 1.25rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { color: var(--dim); font-size: 0.8rem; font-weight: 500; text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: 0.4rem 1.25rem 0.4rem 0; vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td { font-family: ui-monospace, monospace; font-size: 0.85rem; overflow-wrap: anywhere; }
footer { color: var(--dim); font-size: 0.85rem; }
footer a { color: inherit; margin-right: 0.75rem; }
`);
