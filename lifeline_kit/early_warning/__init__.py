"""early_warning"""
