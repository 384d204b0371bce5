import { useRef } from 'preact/hooks'
import { client } from '../session.ts'
import { Confirm } from '../ui/confirm.tsx'

interface RegenerateProps {
  readonly jobId: number
  readonly textId: number
  readonly done: () => void
  readonly close: () => void
}

/** Asks for the next revision of a text, and what is to be different. */
export function Regenerate({ jobId, textId, done, close }: RegenerateProps) {
  const instruction = useRef<HTMLTextAreaElement>(null)
  const run = async () => {
    const wanted = instruction.current?.value.trim()
    const params = { path: { jobId, textId } }
    const body = wanted ? { instruction: wanted } : {}
    await client.value.api.POST('/v1/jobs/{jobId}/texts/{textId}/regenerate', { params, body })
    done()
  }
  return (
    <Confirm title="Regenerate this text" action="Regenerate" close={close} run={run}>
      <label class="field">
        What is to be different?
        <textarea ref={instruction} rows={3} maxLength={2000} placeholder="Shorter, and begin with the price." />
      </label>
      <p class="dim xs">The text of now stays readable among its revisions. This is one paid call.</p>
    </Confirm>
  )
}
