import type { components } from '../../../client/src/openapi.ts'
import { count, time } from '../ui/format.ts'
import { Icon } from '../ui/icon.tsx'

export type Webhook = components['schemas']['Webhook']

const reasons = {
  owner: 'Off, switched off by hand',
  gone: 'Off, it answered 410 Gone',
  failing: 'Off, it took nothing for five days',
} as const

/** Whether an endpoint is sent to, and whether it takes what is sent. */
export function EndpointState({ webhook }: { readonly webhook: Webhook }) {
  const { status, disabledReason, failures, failingSince } = webhook
  if (status === 'disabled') {
    return (
      <span class="st">
        <Icon name="cancelled" />
        {reasons[disabledReason ?? 'owner']}
      </span>
    )
  }
  if (failures > 0) {
    return (
      <span class="st bad">
        <Icon name="failed" />
        {count(failures, 'attempt')} failed{failingSince && ` since ${time(failingSince, Date.now())}`}
      </span>
    )
  }
  return (
    <span class="st">
      <Icon name="done" />
      On
    </span>
  )
}
