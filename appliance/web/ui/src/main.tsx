import '@patternfly/react-core/dist/styles/base.css';
import './frame/console.css';
import './rows/grid.css';
import './panels/panels.css';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './frame/App';
import { applyTheme } from './frame/theme';

applyTheme();
const place = document.getElementById('console');
if (place === null) throw new Error('index.html has no place for the console');
createRoot(place).render(<StrictMode><App /></StrictMode>);
