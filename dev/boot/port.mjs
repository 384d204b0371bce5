// Whether the port of the API can be had. Plain JavaScript for Node 18 and later: it is asked before anything is
// installed.
import { createServer } from 'node:net'

/** The port cannot be had; the message says why and is meant for the person at the terminal. */
export class PortError extends Error {
  name = 'PortError'

  /**
   * @param {number} port
   * @param {NodeJS.ErrnoException} cause what listening on it threw
   */
  constructor(port, { code, message }) {
    const why = {
      EADDRINUSE: 'is in use, perhaps by another copy of Vision Pipeline, which needs a DATA_DIR of its own as well',
      EACCES: 'is not for this user',
    }
    super(`Port ${port} ${why[code] ?? `cannot be had (${message})`}. Choose another with PORT or --port.`)
  }
}

/**
 * Listens on the port of 127.0.0.1 for a moment.
 *
 * @param {number} port 0 means any free one
 * @returns {Promise<void>}
 * @throws {PortError}
 */
export function checkPort(port) {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error) => reject(new PortError(port, error)))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()))
  })
}
