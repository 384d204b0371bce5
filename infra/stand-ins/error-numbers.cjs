// In place of the table of error numbers and their names in mysql2, which takes a tenth of a first answer's time: what the
// driver itself asks for, and what a healthy database answers. Any other error loads the whole table.
const few = {
  HA_ERR_INTERNAL_ERROR: 122,
  ER_WARN_DEPRECATED_SYNTAX: 1287,
  ER_OPTION_PREVENTS_STATEMENT: 1290,
  ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: 1792,
  ER_READ_ONLY_MODE: 1836,
  1062: 'ER_DUP_ENTRY',
  1064: 'ER_PARSE_ERROR',
  1205: 'ER_LOCK_WAIT_TIMEOUT',
  1213: 'ER_LOCK_DEADLOCK',
  3572: 'ER_LOCK_NOWAIT',
}

module.exports = new Proxy(few, { get: (_, key) => few[key] ?? require('./error-table.cjs')[key] })
