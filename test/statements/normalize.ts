/**
 * The form of a statement: values become `?`, a series of values, rows or assignments is written once with `…` behind it,
 * however long it is, and what the two servers write differently is written in one way.
 */
export function normalize(statement: string): string {
  const form = statement
    .replace(/'(?:[^'\\]|\\.|'')*'/gs, '?')
    .replace(/\bX\?|\b0x[0-9a-f]+\b/gi, '?')
    // The server's time limit: a clause in MariaDB, a hint in MySQL.
    .replace(/^SET STATEMENT max_statement_time = [\d.]+ FOR /i, '')
    .replace(/ ?\/\*\+ MAX_EXECUTION_TIME\(\d+\) \*\//i, '')
    .replace(/\btx_isolation\b/g, 'transaction_isolation')
    .replace(/\bmax_statement_time\b/g, 'max_execution_time')
    // A value, not the precision of a type or of the clock.
    .replace(/(?<!\b(?:UTC_TIMESTAMP|DATETIME)\()(?<![\w.`@])-?\d+(?:\.\d+)?\b/gi, '?')
    .replace(/(?<!\bIS |\bIS NOT |\bNOT )\b(?:NULL|true|false|default)\b(?! KEY)/gi, '?')
    .replace(/\s+/g, ' ')
    .replace(/\( /g, '(')
    .replace(/ \)/g, ')')
    .trim()
  return series.reduce((text, [pattern, once]) => text.replace(pattern, once), form)
}

const row = String.raw`\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)`
const inner = String.raw`[^()]*(?:\([^()]*\)[^()]*)*`
const value = String.raw`(?:\?|UTC_TIMESTAMP\(3\)(?: [+-] INTERVAL \? MICROSECOND)?)`
/** What comes as often as there are rows, columns or ids. */
const series: readonly (readonly [RegExp, string])[] = [
  [/\b(IN) \(\?(?:, ?\?)*\)/gi, '$1 (?, …)'],
  [/(`\w+`)(?:, `\w+`){3,}/g, '$1, …'],
  [/(?<=[(,] ?)\?(?:, ?\?){2,}(?=[,)])/g, '?, …'],
  [new RegExp(String.raw`\b(values) (${row})(?:, ?${row})*`, 'gi'), '$1 $2, …'],
  [/WHEN \? THEN \?(?: WHEN \? THEN \?)*/g, 'WHEN ? THEN ? …'],
  // A table of values, whatever columns change, and what is taken from it.
  [
    new RegExp(
      String.raw`\(SELECT (?:CAST\(\? AS [\w ]+\)|\?) AS (\w+)(?:, ${value} AS \w+)*(?: UNION ALL SELECT ${inner})?\)`,
      'g',
    ),
    '(SELECT ? AS $1, … UNION ALL …)',
  ],
  [/\b([jat])\.\w+ = x\.\w+(?:, \1\.\w+ = x\.\w+)*(?=[ ,;]|$)(?! (?:AND|WHERE|STRAIGHT_JOIN|SET))/g, '$1.… = x.…'],
  [/(`?\b\w+`?) = \1 \+ \?(?:, (`?\b\w+`?) = \2 \+ \?)*/g, '… = … + ?'],
  // Whatever counters change.
  [/\b(\w+) = \1 \+ VALUES\(\1\)(?:, (\w+) = \2 \+ VALUES\(\2\))*/g, '… = … + VALUES(…)'],
  [new RegExp(String.raw`\((${row})(?: or \1)+\)`, 'gi'), '$1'],
  [new RegExp(String.raw`(${row})(?: UNION ALL \1)+`, 'g'), '$1 UNION ALL …'],
]
