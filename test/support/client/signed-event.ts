import { examplePayloads } from '../../../core/api/webhooks/examples.ts'
import { signedHeaders } from '../../../core/webhooks/secrets.ts'

/** An event as the service signs it now. */
export function signedEvent() {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const body = JSON.stringify(examplePayloads['job.completed'])
  const headers = signedHeaders({ id: 'msg_1_a', timestamp: Math.floor(Date.now() / 1000), body }, [secret])
  return { body, headers, secret }
}
