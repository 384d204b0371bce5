import { render } from 'preact'
import { App } from './app.tsx'
import { openSession } from './session.ts'
import { startTheme } from './ui/theme.ts'

startTheme()
void openSession()
const place = document.getElementById('app')
if (place) render(<App />, place)
