"""From a checked request to events: what a page, an endpoint or a script serves. No page is needed."""

from bertgen.serving.service import Answer, ServedRun, ServiceRequest

__all__ = ["Answer", "ServedRun", "ServiceRequest"]
