import type { ComponentChildren } from 'preact'
import { Icon } from '../ui/icon.tsx'
import { formatNames, formats } from '../ui/texts.ts'
import type { Platform, TypedProfile } from './profile.ts'

interface FormProps {
  readonly typed: TypedProfile
  readonly change: (to: Partial<TypedProfile>) => void
  /** An archived brand is looked at, and no more. */
  readonly isLocked: boolean
}

const platforms: Readonly<Record<Platform, string>> = {
  instagram: 'Instagram',
  facebook: 'Facebook',
  linkedin: 'LinkedIn',
  x: 'X',
  pinterest: 'Pinterest',
  tiktok: 'TikTok',
  threads: 'Threads',
  bluesky: 'Bluesky',
}

/** What a brand says, field by field. */
export function BrandForm({ typed, change, isLocked }: FormProps) {
  const area = (field: 'voice' | 'audience' | 'do' | 'dont' | 'preferredWords' | 'bannedWords' | 'facts') => ({
    value: typed[field],
    dir: 'auto' as const,
    onInput: (event: { currentTarget: HTMLTextAreaElement }) => change({ [field]: event.currentTarget.value }),
  })
  return (
    <fieldset class="form" disabled={isLocked}>
      <Part name="Voice">
        <Field name="How its texts sound">
          <textarea
            class="serif"
            rows={2}
            maxLength={1_000}
            placeholder="Calm and plain, with a dry humour"
            {...area('voice')}
          />
        </Field>
        <Field name="Whom they speak to">
          <textarea
            class="serif"
            rows={1}
            maxLength={500}
            placeholder="People who cook for friends"
            {...area('audience')}
          />
        </Field>
        <Field name="How readers are addressed">
          <select
            value={typed.formality}
            onChange={(event) => change({ formality: event.currentTarget.value as TypedProfile['formality'] })}
          >
            <option value="">It does not say</option>
            <option value="informal">As friends (du, tu)</option>
            <option value="neutral">Neither way</option>
            <option value="formal">As customers (Sie, vous)</option>
          </select>
        </Field>
      </Part>
      <Part name="Rules" about="A line for each">
        <div class="pair">
          <Field name="Do">
            <textarea rows={3} placeholder="Name the workshop" {...area('do')} />
          </Field>
          <Field name="Don’t">
            <textarea rows={3} placeholder="Exclamation marks" {...area('dont')} />
          </Field>
        </div>
      </Part>
      <Part name="Words" about="A line for each; cheap* is cheaper and cheaply too">
        <div class="pair">
          <Field name="Words to use">
            <textarea rows={3} {...area('preferredWords')} />
          </Field>
          <Field name="Banned words">
            <textarea rows={3} {...area('bannedWords')} />
          </Field>
        </div>
      </Part>
      <Part name="Facts" about="A line for each, a | b for a list">
        <Field name="Name: value">
          <textarea rows={3} placeholder="founded: 1987" {...area('facts')} />
        </Field>
      </Part>
      <Colours typed={typed} change={change} />
      <Part name="Where a job does not say" about="It is made with these">
        <div class="pair">
          <Field name="Text">
            <select
              value={typed.format}
              onChange={(event) => change({ format: event.currentTarget.value as TypedProfile['format'] })}
            >
              <option value="">The job has to say</option>
              {formats.map((format) => (
                <option key={format} value={format}>
                  {formatNames[format]}
                </option>
              ))}
            </select>
          </Field>
          <Field name="Language">
            <input
              type="text"
              placeholder="en"
              value={typed.language}
              onInput={(event) => change({ language: event.currentTarget.value })}
            />
          </Field>
          <Field name="Network of a post">
            <select
              value={typed.platform}
              onChange={(event) => change({ platform: event.currentTarget.value as TypedProfile['platform'] })}
            >
              <option value="">None</option>
              {Object.entries(platforms).map(([id, name]) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
        </div>
      </Part>
    </fieldset>
  )
}

/** As many as a profile may have. */
const mostColours = 12

function Colours({ typed, change }: Pick<FormProps, 'typed' | 'change'>) {
  const { palette } = typed
  const set = (at: number, to: Partial<TypedProfile['palette'][number]>) =>
    change({ palette: palette.map((colour, index) => (index === at ? { ...colour, ...to } : colour)) })
  return (
    <Part name="Colours">
      <ul class="list">
        {palette.map(({ hex, name }, at) => (
          <li key={at} class="hue">
            <input
              type="color"
              aria-label={`Colour ${at + 1}`}
              value={/^#[0-9a-f]{6}$/i.test(hex) ? hex : '#000000'}
              onInput={(event) => set(at, { hex: event.currentTarget.value })}
            />
            <input
              type="text"
              class="mono"
              aria-label={`Hex of colour ${at + 1}`}
              value={hex}
              onInput={(event) => set(at, { hex: event.currentTarget.value })}
            />
            <input
              type="text"
              class="bare"
              placeholder="Its name"
              aria-label={`Name of colour ${at + 1}`}
              value={name}
              onInput={(event) => set(at, { name: event.currentTarget.value })}
            />
            <button
              type="button"
              class="btn plain"
              aria-label={`Remove colour ${at + 1}`}
              onClick={() => change({ palette: palette.filter((_, index) => index !== at) })}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      {palette.length < mostColours && (
        <p>
          <button
            type="button"
            class="btn plain"
            onClick={() => change({ palette: [...palette, { hex: '#808080', name: '' }] })}
          >
            <Icon name="plus" />
            Add a colour
          </button>
        </p>
      )}
    </Part>
  )
}

interface PartProps {
  readonly name: string
  readonly about?: string
  readonly children: ComponentChildren
}

function Part({ name, about, children }: PartProps) {
  return (
    <section class="sec">
      <div class="row between">
        <h2>{name}</h2>
        {about && <span class="dim">{about}</span>}
      </div>
      {children}
    </section>
  )
}

function Field({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: its control is among the children
    <label class="field">
      <span class="dim">{name}</span>
      {children}
    </label>
  )
}
