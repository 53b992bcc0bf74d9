// Reads terminals from stdin, one a line as JSON: {cols, rows, data} with data in
// base64. Writes what each shows, one a line.
const { Terminal } = require("@xterm/headless");
const lines = require("readline").createInterface({ input: process.stdin });

const underlines = (c) => (c.isUnderline() ? c.extended?.underlineStyle || 1 : 0);

function color(mode, value) {
  if (mode === 0) return 0;
  return mode === 0x3000000 ? 0x2000000 + value : 0x1000000 + value;
}

function row(term, line) {
  const cells = [];
  const end = term.cols;
  for (let x = 0; x < end; x++) {
    const c = line.getCell(x);
    if (c.getWidth() === 0) continue;
    let attr = 0;
    [c.isBold(), c.isDim(), c.isItalic(), c.isBlink(), c.isInverse(), c.isInvisible(), c.isStrikethrough(), c.isOverline()].forEach((on, i) => {
      if (on) attr |= 1 << i;
    });
    const ext = c.hasExtendedAttrs && c.hasExtendedAttrs() ? c.extended : null;
    let link = "", under = 0;
    if (ext) {
      if (ext.urlId) {
        const d = term._core._oscLinkService.getLinkData(ext.urlId);
        link = d ? d.uri : "";
      }
      if (c.isUnderline()) under = color(c.getUnderlineColorMode(), c.getUnderlineColor());
    }
    cells.push([c.getChars() || " ", color(c.getFgColorMode(), c.getFgColor()), color(c.getBgColorMode(), c.getBgColor()), attr, c.isUnderline() ? underlines(c) : 0, under, link]);
  }
  return cells;
}

function look(term, title) {
  const b = term.buffer.active, core = term._core, inner = core._bufferService.buffer;
  const rows = [], wrapped = [];
  for (let y = 0; y < term.rows; y++) {
    const line = b.getLine(b.baseY + y);
    rows.push(row(term, line));
    wrapped.push(y > 0 && line.isWrapped);
  }
  const history = [];
  const n = term.buffer.normal;
  for (let y = 0; y < n.baseY; y++) history.push(n.getLine(y).translateToString(true));
  const m = term.modes;
  return {
    rows, wrapped, history, title,
    x: Math.min(b.cursorX, term.cols - 1), y: b.cursorY, pend: b.cursorX >= term.cols,
    alt: b.type === "alternate", top: inner.scrollTop, bottom: inner.scrollBottom,
    modes: [m.applicationCursorKeysMode, m.applicationKeypadMode, m.bracketedPasteMode, m.insertMode, m.originMode, m.wraparoundMode, m.reverseWraparoundMode, m.mouseTrackingMode, m.sendFocusMode,
      !!core.coreService.isCursorHidden].join(" "),
    savedX: Math.min(inner.savedX, term.cols - 1),
  };
}

(async () => {
  for await (const text of lines) {
    const { cols, rows, data } = JSON.parse(text);
    const term = new Terminal({ cols, rows, scrollback: 1000, allowProposedApi: true });
    let title = "", answers = 0;
    term.onTitleChange((t) => (title = t));
    term.onData(() => answers++);
    await new Promise((done) => term.write(Buffer.from(data, "base64"), done));
    const seen = look(term, title);
    seen.answers = answers;
    process.stdout.write(JSON.stringify(seen) + "\n");
    term.dispose();
  }
})();
