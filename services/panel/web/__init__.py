"""The panel in the browser: pages that work without JavaScript, and better with it."""
