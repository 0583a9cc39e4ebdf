"""The courses of the web app: several libraries, one of them on each page."""
