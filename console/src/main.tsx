import { render } from 'preact'
import { App } from './app.tsx'
import { access, comeBack, isReturn, openSession } from './session.ts'
import { startTheme } from './ui/theme.ts'

startTheme()
// Before anything is drawn: the address becomes that of the page which the reader was on.
if (isReturn()) await comeBack()
if (access.peek() === 'unknown') void openSession()
const place = document.getElementById('app')
if (place) render(<App />, place)
