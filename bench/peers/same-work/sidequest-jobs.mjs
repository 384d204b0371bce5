import mysql from 'mysql2/promise'
import { Job, Sidequest } from 'sidequest'
import { body, url, userOf } from './support.mjs'

export const pool = mysql.createPool({ uri: url, connectionLimit: 12, multipleStatements: true })

const store = (unit, step) =>
  pool.query(
    `BEGIN; INSERT INTO bench_results (unit, step, body) VALUES (?, ?, ?);
     INSERT INTO bench_ledger (user_id, unit, model, tokens, cost) VALUES (?, ?, 'a-model', 500, 1200); COMMIT`,
    [unit, step, body, userOf(unit), unit],
  )

export class Analysis extends Job {
  async run(unit) {
    await store(unit, 'analysis')
    await Sidequest.build(Content).enqueue(unit)
  }
}

export class Content extends Job {
  async run(unit) {
    await store(unit, 'content')
  }
}

export class Nothing extends Job {
  async run() {
    return { done: true }
  }
}
