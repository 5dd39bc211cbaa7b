"""Where notes are kept."""

import os


def notes_like(connection, text):
    """Titles of notes that contain a text."""
    return connection.execute(f"SELECT title FROM notes WHERE title LIKE '%{text}%'").fetchall()


def folder(path):
    """Number of attachments in a folder."""
    return len(os.listdir(path))
